package lint

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Command is netmond check lint: it writes the findings about paths to w, one a line, and a line that
// sums them up. ok is false when a script would not run as it is meant; warnings leave it true.
func Command(w io.Writer, paths, dirs []string) (ok bool, err error) {
	files, err := scripts(paths)
	if err != nil {
		return false, err
	}
	found, err := lintFiles(files, dirs)
	if err != nil {
		return false, err
	}
	errors, warnings := 0, 0
	for _, f := range found {
		if f.Warning() {
			warnings++
		} else {
			errors++
		}
		if _, err := fmt.Fprintln(w, f); err != nil {
			return false, fmt.Errorf("write findings: %w", err)
		}
	}
	if _, err := fmt.Fprintf(w, "%s, %s, %s\n", count(len(files), "file"), count(errors, "error"), count(warnings, "warning")); err != nil {
		return false, fmt.Errorf("write findings: %w", err)
	}
	return errors == 0, nil
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// scripts lists the files of paths, with all .lua files below folders.
func scripts(paths []string) (files []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && filepath.Ext(file) == ".lua" {
				files = append(files, file)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
	}
	return files, nil
}

// lintFiles gives the findings about files, in their order. A file that another one of them requires is
// a module and need not have check or hooks.
func lintFiles(files, dirs []string) ([]Finding, error) {
	var all []Finding
	modules := map[string]bool{}
	for _, path := range files {
		src, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
		found, required := file(path, src, append(dirs[:len(dirs):len(dirs)], filepath.Dir(path)))
		all = append(all, found...)
		for _, m := range required {
			modules[filepath.Clean(m)] = true
		}
	}
	return slices.DeleteFunc(all, func(f Finding) bool {
		return f.Rule == RuleNoCheck && modules[filepath.Clean(f.File)]
	}), nil
}
