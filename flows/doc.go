// Package flows is the lock-sharded flow table. Workers decode blocks of frames and count them in
// flows; what each flow gained is folded into the local networks' counters (package localnets)
// whenever a snapshot is wanted, at a flow's end and at its eviction. The fold is the only writer of
// those counters, so every total equals the sum of its parts.
//
// The package never reads the clock: time comes with the frames (files) or with the calls (live).
package flows
