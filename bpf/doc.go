// Package bpf counts frames in the kernel: its programs run on XDP or in traffic control, parse each
// frame, find the networks and the flow, and add to counters in memory that is shared with this
// process. No system call is needed to read them, nor any privilege once the programs are loaded.
//
// Networks are counted for every packet and exactly, per CPU; flows are detail beside it, in a table
// with a bound. What the programs do not parse comes through a ring buffer as frames. Drain gives all
// of it to a Sink, the flow table, as deltas.
//
// The C sources are in the folder c; `make generate` compiles them to the objects beside this file,
// which are part of the repository, so that a build needs no C compiler.
package bpf
