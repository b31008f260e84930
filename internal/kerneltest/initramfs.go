package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// writeInitramfs writes a file with the tree, the kernel's modules in /modules by their order, and the arguments
// of the tests, one a line, in /args.
func writeInitramfs(name string, tree map[string]string, modules, args []string) (err error) {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	gz, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	a := &archive{w: bufio.NewWriter(gz), dirs: map[string]bool{".": true}}
	for _, to := range slices.Sorted(maps.Keys(tree)) {
		if err := a.copy(to, tree[to]); err != nil {
			return err
		}
	}
	for i, m := range modules {
		if err := a.copy(fmt.Sprintf("modules/%02d-%s", i, filepath.Base(m)), m); err != nil {
			return err
		}
	}
	a.file("args", 0o644, []byte(strings.Join(args, "\n")+"\n"))
	a.entry("TRAILER!!!", 0, nil)
	if err := a.w.Flush(); err != nil { // the first error of all writes
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return gz.Close()
}

// An archive is a cpio archive in the format newc (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	w     *bufio.Writer
	inode int
	dirs  map[string]bool
}

func (a *archive) copy(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	a.file(to, 0o755, b)
	return nil
}

// file adds a file, and the folders above it.
func (a *archive) file(name string, mode int, b []byte) {
	a.folder(path.Dir(name))
	a.entry(name, 0o100000|mode, b)
}

func (a *archive) folder(name string) {
	if a.dirs[name] {
		return
	}
	a.folder(path.Dir(name))
	a.dirs[name] = true
	a.entry(name, 0o040755, nil)
}

// entry adds one header with its bytes; both end on a multiple of 4.
func (a *archive) entry(name string, mode int, b []byte) {
	a.inode++
	// Magic, inode, mode, user, group, links, time, size, device and special device, name's size, checksum.
	n, _ := fmt.Fprintf(a.w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(b), 0, 0, 0, 0, len(name)+1, 0, name)
	a.w.Write(make([]byte, -n&3))
	a.w.Write(b)
	a.w.Write(make([]byte, -len(b)&3))
}
