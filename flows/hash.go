package flows

import (
	"math/bits"
	"unsafe"

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

// words are the bytes of k as numbers in host order: two of each address, then ports, VLAN, protocol and
// family in one.
func words(k *packet.Key) *[5]uint64 { return (*[5]uint64)(unsafe.Pointer(k)) }

var _ = [1]struct{}{}[unsafe.Sizeof(packet.Key{})-unsafe.Sizeof([5]uint64{})]

// key hashes all 40 bytes of k: addresses, ports, VLAN, protocol and family.
func (h *hasher) key(k *packet.Key) uint64 {
	w := words(k)
	return fold(fold(w[0]^h[0], w[1]^h[1])^w[4]^h[4], fold(w[2]^h[2], w[3]^h[3])^h[5])
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// same is *a == *b without the call that the compiler makes of a comparison of 40 bytes, and with one branch.
func same(a, b *packet.Key) bool {
	x, y := words(a), words(b)
	return (x[0]^y[0])|(x[1]^y[1])|(x[2]^y[2])|(x[3]^y[3])|(x[4]^y[4]) == 0
}
