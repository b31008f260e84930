// Package flows is the lock-sharded flow table. Workers decode blocks of frames and count them in
// flows; what each flow gained is folded into the local networks' counters (package localnets)
// whenever a snapshot is wanted, at a flow's end and at its eviction. The fold is the only writer of
// those counters, so every total equals the sum of its parts.
//
// The package never reads the clock: time comes with the frames (files) or with the calls (live).
//
// # Memory
//
// A flow is an entry of 64 bytes that each packet touches (type hot), 56 bytes that only its start
// and the fold touch (type cold) and, for TCP, 64 bytes more (type conn), in slabs without pointers
// that the garbage collector does not walk, plus about 10 bytes of a hash index. Rare things (health
// counts of a troubled TCP connection, server names) lie in pools of their own with bounds of their
// own. Nothing is ever allocated for a single packet or flow.
//
// # Order of locks
//
// A worker's mutex is held for one Process call, inside it one shard's mutex at a time, and no other
// lock is taken under a shard's. What a shard gives to the networks is copied out first.
package flows
