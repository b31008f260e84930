// Command kerneltest boots Linux kernels in emulated machines and runs the tests of package bpf there: that each
// kernel's verifier takes the programs, and that they count there what packet.Decode counts.
//
//	go run ./internal/kerneltest [-runs REGEXP] KERNEL...
//
// A KERNEL is a version (6.12: the newest of Debian's kernels for clouds that apt offers is downloaded), or packages,
// joined by commas, of any distribution that has its kernel in /boot (image.deb,modules.deb). It needs
// qemu-system-x86_64, dpkg-deb, and the capture corpus beside the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	tests := flag.String("run", ".", "regular expression of the tests")
	skip := flag.String("skip", "TestSources", "regular expression of tests to leave out")
	limit := flag.Duration("timeout", 10*time.Minute, "of one kernel")
	accel := flag.String("accel", "tcg", "of qemu; kvm is much faster where it works")
	verbose := flag.Bool("v", false, "show the console")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "kerneltest: no kernel: give versions (6.1 6.12) or packages (image.deb,modules.deb)")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m := machine{accel: *accel, limit: *limit, verbose: *verbose}
	if err := run(ctx, flag.Args(), []string{"-test.run", *tests, "-test.skip", *skip}, m); err != nil {
		fmt.Fprintln(os.Stderr, "kerneltest:", err)
		os.Exit(1)
	}
}

// run tests one kernel after the other, the others too where one fails.
func run(ctx context.Context, kernels, args []string, m machine) error {
	dir, err := os.MkdirTemp("", "kerneltest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tree, err := content(ctx, dir)
	if err != nil {
		return err
	}
	var errs []error
	for i, name := range kernels {
		k, err := fetch(ctx, filepath.Join(dir, fmt.Sprint("kernel", i)), name)
		if err != nil {
			errs = append(errs, fmt.Errorf("kernel %s: %w", name, err))
			continue
		}
		initrd := filepath.Join(dir, fmt.Sprint("initrd", i))
		if err := writeInitramfs(initrd, tree, k.modules, args); err != nil {
			errs = append(errs, err)
			continue
		}
		began := time.Now()
		sum, err := m.boot(ctx, k.image, initrd)
		took := time.Since(began).Round(time.Second)
		if err != nil {
			fmt.Printf("Linux %s: FAILED after %v\n%s", k.version, took, sum)
			errs = append(errs, fmt.Errorf("linux %s: %w", k.version, err))
			continue
		}
		fmt.Printf("Linux %s: ok, %v\n%s", k.version, took, sum)
	}
	return errors.Join(errs...)
}

// content is what every machine gets: name in the machine, name here.
func content(ctx context.Context, dir string) (map[string]string, error) {
	const module = "github.com/netmond/netmond/"
	tree := map[string]string{"init": filepath.Join(dir, "init"), "bin/netmond": filepath.Join(dir, "netmond"), "bin/bpf.test": filepath.Join(dir, "bpf.test")}
	for _, args := range [][]string{
		{"build", "-o", tree["init"], module + "internal/kerneltest/init"},
		{"build", "-o", tree["bin/netmond"], module + "cmd/netmond"},
		{"test", "-c", "-o", tree["bin/bpf.test"], module + "bpf"},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS=linux")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", cmd, err, out)
		}
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOMOD: %w", err)
	}
	// As testneed.Shared looks for it: the corpus beside the module's root.
	root := filepath.Dir(string(out))
	tree["src/netmond/go.mod"] = filepath.Join(root, "go.mod")
	corpus := filepath.Join(root, "..", "shared", "pcaps")
	return tree, filepath.WalkDir(corpus, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(corpus, path)
		tree["src/shared/pcaps/"+filepath.ToSlash(name)] = path
		return err
	})
}
