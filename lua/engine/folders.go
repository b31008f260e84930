package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/netmond/netmond/lua"
)

// checkFolders are where checks are, below a script folder: both styles, told apart by what they
// return, and files right in it.
var checkFolders = []string{
	".",
	"network_checks",
	"scripts/lua/modules/network_checks",
	"check_definitions/network",
	"scripts/lua/modules/check_definitions/network",
}

// moduleFolders have what checks require; a change there loads all checks anew.
var moduleFolders = []string{"modules", "scripts/lua/modules"}

const (
	maxKey     = 64
	maxEntries = 100_000 // of one folder that are looked at
)

// goodKey reports whether a file's name can be a check's key: a label of metrics and of alerts.
func goodKey(key string) bool {
	if key == "" || len(key) > maxKey {
		return false
	}
	for i := 0; i < len(key); i++ {
		switch b := key[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '_', b == '-', b == '.' && i > 0:
		default:
			return false
		}
	}
	return true
}

// A stamp tells whether a file changed.
type stamp struct {
	size  int64
	mtime int64
	mode  fs.FileMode
}

// A foundFile is a check's file.
type foundFile struct {
	key, path string
	root      string // the folder of ScriptsDirs; empty for a shipped check
	rel       string // path below it
	stamp     stamp
}

// A scan is what the folders hold at one time.
type scan struct {
	files   []foundFile // one for each key, in the order of keys
	modules map[string]stamp
	remarks []string // what a person should know
	refused uint64
}

// scanFolders looks at all folders; it reads no file.
func (e *Engine) scanFolders(cfg *Config) *scan {
	s := &scan{modules: make(map[string]stamp)}
	seen := make(map[string]string)
	add := func(f foundFile) {
		switch other, double := seen[f.key]; {
		case cfg.Only != nil && !slices.Contains(cfg.Only, f.key):
		case double && other == f.path: // folders of which one lies in the other
		case !goodKey(f.key):
			s.refuse("%s: the name of a check has 1 to %d letters, digits, _, - or dots", f.path, maxKey)
		case double:
			s.remark("%s is not used: %s is a check of the same name", f.path, other)
		case len(s.files) >= cfg.MaxScripts:
			if s.refused++; s.refused == 1 {
				s.remark("more than %d checks: %s and what comes after it is not used", cfg.MaxScripts, f.path)
			}
		default:
			seen[f.key] = f.path
			s.files = append(s.files, f)
		}
	}
	for _, dir := range cfg.ScriptsDirs {
		if err := s.scanDir(dir, add); err != nil {
			s.remark("script folder: %v", err)
		}
	}
	if e.deps.Shipped != nil {
		names, _ := fs.Glob(e.deps.Shipped, "*.lua")
		for _, name := range names {
			add(foundFile{key: strings.TrimSuffix(name, ".lua"), path: "shipped/" + name, rel: name})
		}
	}
	slices.SortFunc(s.files, func(a, b foundFile) int { return strings.Compare(a.key, b.key) })
	return s
}

func (s *scan) remark(format string, args ...any) {
	if len(s.remarks) < 100 {
		s.remarks = append(s.remarks, fmt.Sprintf(format, args...))
	}
}

func (s *scan) refuse(format string, args ...any) {
	s.refused++
	s.remark(format, args...)
}

// scanDir looks at one script folder; its links may not lead out of it.
func (s *scan) scanDir(dir string, add func(foundFile)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, folder := range checkFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) {
			add(foundFile{
				key: strings.TrimSuffix(filepath.Base(rel), ".lua"), path: filepath.Join(dir, rel),
				root: dir, rel: rel, stamp: st,
			})
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%s: %v", filepath.Join(dir, folder), err)
		}
	}
	for _, folder := range moduleFolders {
		err := s.eachLua(root, dir, folder, func(rel string, st stamp) { s.modules[filepath.Join(dir, rel)] = st })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.remark("%s: %v", filepath.Join(dir, folder), err)
		}
	}
	return nil
}

// eachLua calls found for the Lua files right in a folder, in the order of their names.
func (s *scan) eachLua(root *os.Root, dir, folder string, found func(rel string, st stamp)) error {
	d, err := root.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if info, err := d.Stat(); err == nil && info.Mode().Perm()&0o002 != 0 {
		s.remark("%s: others can write to this folder, and so decide what netmond runs", filepath.Join(dir, folder))
	}
	names, err := d.Readdirnames(maxEntries)
	if err != nil && err != io.EOF {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.HasSuffix(name, ".lua") {
			continue
		}
		rel := filepath.Join(folder, name)
		info, err := root.Stat(rel)
		switch {
		case err != nil:
			s.refuse("%s: %v", filepath.Join(dir, rel), err)
		case !info.Mode().IsRegular():
			s.refuse("%s: not a regular file", filepath.Join(dir, rel))
		default:
			if info.Mode().Perm()&0o002 != 0 {
				s.remark("%s: others can write to this file", filepath.Join(dir, rel))
			}
			found(rel, stamp{info.Size(), info.ModTime().UnixNano(), info.Mode()})
		}
	}
	return nil
}

// readScript reads a check's file.
func (e *Engine) readScript(f *foundFile) (string, error) {
	var file fs.File
	var err error
	if f.root == "" {
		file, err = e.deps.Shipped.Open(f.rel)
	} else {
		var root *os.Root
		if root, err = os.OpenRoot(f.root); err == nil {
			defer root.Close()
			file, err = root.OpenFile(f.rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		}
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, lua.MaxSource+1))
	if err != nil {
		return "", err
	}
	if len(b) > lua.MaxSource {
		return "", fmt.Errorf("%s: more than %d bytes", f.path, lua.MaxSource)
	}
	return string(b), nil
}

// same reports whether other found the same.
func (s *scan) same(other *scan) bool {
	return other != nil && slices.Equal(s.files, other.files) && mapsEqual(s.modules, other.modules) && slices.Equal(s.remarks, other.remarks)
}

func mapsEqual(a, b map[string]stamp) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}
