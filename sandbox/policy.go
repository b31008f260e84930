package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// ErrUnsupported is wrapped where the system has nothing of what the package needs.
var ErrUnsupported = errors.New("not supported by this system")

// A Policy is what a daemon still needs after Enter.
type Policy struct {
	// User is the name or number of the user to become, with its groups; it needs root. Empty stays.
	User string
	// Read are files and folders, with all below them, that are read from now on. What is not there is
	// left out, and cannot be read when it comes later.
	Read []string
	// Write are folders in which anything may be read, made, changed and removed. They must be there.
	Write []string
	// Own lets the process execute its own program again, and nothing else (with Landlock).
	Own bool
	// Keep are the capabilities that stay; none of them by default.
	Keep []Capability
	// BPF allows bpf(2) for the use of maps, programs and links that are open or, with the capabilities
	// in Keep, made.
	BPF bool
}

// A Capability is one of capabilities(7), by its number.
type Capability uint8

// Capabilities that are spoken of here (linux/capability.h).
const (
	CapDACReadSearch Capability = 2
	CapSetGID        Capability = 6
	CapSetUID        Capability = 7
	CapSetPCap       Capability = 8
	CapNetAdmin      Capability = 12
	CapNetRaw        Capability = 13
	CapPerfmon       Capability = 38
	CapBPF           Capability = 39
)

var capabilityNames = map[Capability]string{
	CapDACReadSearch: "CAP_DAC_READ_SEARCH", CapSetGID: "CAP_SETGID", CapSetUID: "CAP_SETUID", CapSetPCap: "CAP_SETPCAP",
	CapNetAdmin: "CAP_NET_ADMIN", CapNetRaw: "CAP_NET_RAW", CapPerfmon: "CAP_PERFMON", CapBPF: "CAP_BPF",
}

// String is the name as in capabilities(7).
func (c Capability) String() string {
	if name, ok := capabilityNames[c]; ok {
		return name
	}
	return fmt.Sprintf("CAP_%d", uint8(c))
}

// A Status is what is on.
type Status struct {
	UID, GID     int
	Capabilities []Capability // that the process still has
	// Because of this path CapDACReadSearch was kept; empty when it was not.
	ReadSearchFor string
	NoNewPrivs    bool
	Seccomp       bool
	LandlockABI   int // 0: files are not confined
	// Missing says, each for people, what the kernel did not give.
	Missing []string
}

// CapabilityText names the capabilities that are left.
func (s *Status) CapabilityText() string {
	if len(s.Capabilities) == 0 {
		return "none"
	}
	names := make([]string, len(s.Capabilities))
	for i, c := range s.Capabilities {
		names[i] = c.String()
	}
	return strings.Join(names, ",")
}

// Around are the folders that a file may come back in when it is replaced: its own, and that of what it
// links to. A rule on a file alone ends with the file: an editor, a package and a certificate's renewal
// put another in its place.
func Around(file string) []string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return []string{file}
	}
	dirs := []string{filepath.Dir(abs)}
	if real, err := filepath.EvalSymlinks(abs); err == nil && filepath.Dir(real) != dirs[0] {
		dirs = append(dirs, filepath.Dir(real))
	}
	return dirs
}
