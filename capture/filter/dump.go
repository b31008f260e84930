package filter

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// ParseDump reads a program as `tcpdump -ddd` prints it: the number of instructions, then for each its
// code, jt, jf and k as decimal numbers. It is checked as the kernel checks it. The program is for the
// link type that it was made for, which it does not tell.
func ParseDump(text string) (*Program, error) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("filter program: empty: the output of tcpdump -ddd is wanted")
	}
	n, err := strconv.Atoi(lines[0])
	if err != nil || n < 0 {
		return nil, fmt.Errorf("filter program: line 1: %.40q is no number of instructions: the output of tcpdump -ddd is wanted", lines[0])
	}
	if n != len(lines)-1 {
		return nil, fmt.Errorf("filter program: %d instructions are announced and %d follow", n, len(lines)-1)
	}
	if n > maxInstructions {
		return nil, fmt.Errorf("filter program: %d instructions, the kernel takes %d", n, maxInstructions)
	}
	raw := make([]bpf.RawInstruction, n)
	for i, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) != 4 {
			return nil, fmt.Errorf("filter program: instruction %d: %d numbers, not 4", i, len(fields))
		}
		var v [4]uint64
		for j, bits := range [4]int{16, 8, 8, 32} {
			if v[j], err = strconv.ParseUint(fields[j], 10, bits); err != nil {
				return nil, fmt.Errorf("filter program: instruction %d: %.40q is no number of %d bits", i, fields[j], bits)
			}
		}
		raw[i] = bpf.RawInstruction{Op: uint16(v[0]), Jt: uint8(v[1]), Jf: uint8(v[2]), K: uint32(v[3])}
	}
	p, err := newProgram(raw)
	if err != nil {
		return nil, fmt.Errorf("filter program: %w", err)
	}
	return p, nil
}
