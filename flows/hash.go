package flows

import (
	"encoding/binary"
	"math/bits"

	"github.com/netmond/netmond/packet"
)

// A hasher maps keys to 64 bits by multiply-and-fold (the mixing step of the wyhash family), with
// every constant drawn from the seed: without the seed nobody can choose keys that meet, neither in
// one shard nor in one slot. It costs about two thirds of hash/maphash on the same 40 bytes
// (BenchmarkHash) and, unlike that, can be reproduced from a number.
type hasher [6]uint64

func newHasher(seed uint64) hasher {
	var h hasher
	for i := range h {
		h[i] = splitmix(&seed)
	}
	return h
}

// splitmix is the SplitMix64 generator (Steele, Lea, Flood, OOPSLA 2014).
func splitmix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// key hashes all 40 bytes of k: addresses, ports, VLAN, protocol and family.
func (h *hasher) key(k *packet.Key) uint64 {
	rest := uint64(k.LoPort) | uint64(k.HiPort)<<16 | uint64(k.VLAN)<<32 | uint64(k.Proto)<<48 | uint64(k.Family)<<56
	lo := fold(binary.LittleEndian.Uint64(k.Lo[:8])^h[0], binary.LittleEndian.Uint64(k.Lo[8:])^h[1])
	hi := fold(binary.LittleEndian.Uint64(k.Hi[:8])^h[2], binary.LittleEndian.Uint64(k.Hi[8:])^h[3])
	return fold(lo^rest^h[4], hi^h[5])
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// same is *a == *b without the call that the compiler makes of a comparison of 40 bytes.
func same(a, b *packet.Key) bool {
	return binary.LittleEndian.Uint64(a.Lo[8:]) == binary.LittleEndian.Uint64(b.Lo[8:]) &&
		binary.LittleEndian.Uint64(a.Hi[8:]) == binary.LittleEndian.Uint64(b.Hi[8:]) &&
		a.LoPort == b.LoPort && a.HiPort == b.HiPort &&
		binary.LittleEndian.Uint64(a.Lo[:8]) == binary.LittleEndian.Uint64(b.Lo[:8]) &&
		binary.LittleEndian.Uint64(a.Hi[:8]) == binary.LittleEndian.Uint64(b.Hi[:8]) &&
		a.VLAN == b.VLAN && a.Proto == b.Proto && a.Family == b.Family
}
