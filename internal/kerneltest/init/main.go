//go:build linux

// Command init is the first process of an emulated machine (package kerneltest): it mounts what tests need, loads
// the kernel's modules, runs netmond doctor and the tests, and turns the machine off.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func main() {
	code := 1
	if err := prepare(); err != nil {
		fmt.Println("kerneltest: prepare:", err)
	} else {
		code = tests()
	}
	fmt.Printf("\nkerneltest done: %d\n", code)
	unix.Sync()
	unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func prepare() error {
	for _, m := range [][2]string{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"},
		{"bpf", "/sys/fs/bpf"}, {"cgroup2", "/sys/fs/cgroup"},
	} {
		if err := os.MkdirAll(m[1], 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m[1], err)
		}
	}
	modules, err := filepath.Glob("/modules/*")
	if err != nil {
		return err
	}
	for _, name := range modules {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
		f.Close()
	}
	pair := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "eth2"}
	pair.Name = "eth1"
	if err := errors.Join(netlink.LinkAdd(pair), netlink.LinkSetUp(pair)); err != nil {
		return fmt.Errorf("make interfaces: %w", err)
	}
	os.Setenv("PATH", "/bin")
	os.Setenv("TMPDIR", "/tmp")
	os.Setenv("NETMOND_TEST_REQUIRE", "shared,root,netns,bpf")
	// The compiler of the kernel's BPF programs, as distributions have it on.
	return os.WriteFile("/proc/sys/net/core/bpf_jit_enable", []byte("1"), 0o644)
}

// tests gives the tests' exit code.
func tests() int {
	out, err := exec.Command("/bin/netmond", "doctor", "-i", "eth1").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		fmt.Println("kerneltest: doctor:", strings.TrimRight(line, "\n"))
	}
	if err != nil {
		fmt.Println("kerneltest: doctor:", err)
	}
	args, err := os.ReadFile("/args")
	if err != nil {
		fmt.Println("kerneltest:", err)
		return 1
	}
	cmd := exec.Command("/bin/bpf.test", append([]string{"-test.v", "-test.short"}, strings.Fields(string(args))...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/src/netmond/bpf", os.Stdout, os.Stdout
	if err := os.MkdirAll(cmd.Dir, 0o755); err != nil {
		fmt.Println("kerneltest:", err)
		return 1
	}
	if err := cmd.Run(); err != nil {
		fmt.Println("kerneltest: tests:", err)
		return 1
	}
	return 0
}
