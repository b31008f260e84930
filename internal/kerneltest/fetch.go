package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A kernel is one to boot.
type kernel struct {
	version string
	image   string
	modules []string // files, in the order of their loading
}

// fetch unpacks a kernel below dir, and downloads it before where name is a version.
func fetch(ctx context.Context, dir, name string) (*kernel, error) {
	root := filepath.Join(dir, "root")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	packages := strings.Split(name, ",")
	if !strings.HasSuffix(name, ".deb") {
		var err error
		if packages, err = download(ctx, dir, name); err != nil {
			return nil, err
		}
	}
	for _, p := range packages {
		if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", p, root).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("unpack %s: %w\n%s", p, err, out)
		}
	}
	images, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, fmt.Errorf("%d kernels in %s", len(images), name)
	}
	k := &kernel{image: images[0], version: strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")}
	// veth is a module in all of them.
	err = filepath.WalkDir(filepath.Join(root, "lib"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "veth.ko") {
			path, err = unpacked(ctx, path)
			k.modules = append(k.modules, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(k.modules) == 0 {
		return nil, fmt.Errorf("no module veth in %s", name)
	}
	return k, nil
}

// unpacked decompresses a module.
func unpacked(ctx context.Context, path string) (string, error) {
	for suffix, tool := range map[string]string{".xz": "xz", ".zst": "zstd", ".gz": "gzip"} {
		if plain, ok := strings.CutSuffix(path, suffix); ok {
			if out, err := exec.CommandContext(ctx, tool, "-d", path).CombinedOutput(); err != nil {
				return "", fmt.Errorf("decompress %s: %w\n%s", filepath.Base(path), err, out)
			}
			return plain, nil
		}
	}
	return path, nil
}

// download gets the newest of Debian's kernels for clouds of a version: they are small, and have all that is
// needed.
func download(ctx context.Context, dir, version string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-cache", "search", "--names-only", `^linux-image-`+regexp.QuoteMeta(version)+`\.[0-9].*-cloud-amd64$`).Output()
	if err != nil {
		return nil, fmt.Errorf("apt-cache search: %w", err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.Contains(fields[0], "unsigned") {
			names = append(names, fields[0])
		}
	}
	if len(names) == 0 {
		return nil, errors.New("apt offers none (apt-get update?); give packages in its place")
	}
	newest := slices.MaxFunc(names, func(a, b string) int { return slices.Compare(numbers(a), numbers(b)) })
	cmd := exec.CommandContext(ctx, "apt-get", "download", "-q", newest)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("download %s: %w\n%s", newest, err, out)
	}
	return filepath.Glob(filepath.Join(dir, "*.deb"))
}

var digits = regexp.MustCompile(`\d+`)

// numbers are the numbers in a package's name, for comparison.
func numbers(name string) (list []int) {
	for _, d := range digits.FindAllString(name, -1) {
		n, _ := strconv.Atoi(d) // digits
		list = append(list, n)
	}
	return list
}
