package flows

import (
	"hash/maphash"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/packet"
)

// The layouts are what the memory of a flow and the cache lines of a packet rest on.
func TestLayouts(t *testing.T) {
	for _, tt := range []struct {
		of   reflect.Type
		size uintptr
	}{
		{reflect.TypeFor[packet.Key](), 40},
		{reflect.TypeFor[hot](), 64},
		{reflect.TypeFor[cold](), 56},
		{reflect.TypeFor[conn](), 64},
		{reflect.TypeFor[health](), 88},
		{reflect.TypeFor[name](), 64},
	} {
		if got := tt.of.Size(); got != tt.size {
			t.Errorf("%v has %d bytes, want %d", tt.of, got, tt.size)
		}
		if hasPointer(tt.of) {
			t.Errorf("%v holds pointers: the garbage collector would walk every flow", tt.of)
		}
	}
	s := &newTable(t, Config{MaxFlows: 1024, Shards: 1, Prefault: true}).shards[0]
	if at := uintptr(unsafe.Pointer(s.hots.s[0])); at%64 != 0 {
		t.Errorf("hot entries begin at %#x, not on a cache line", at)
	}
}

func hasPointer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointer(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Array:
		return hasPointer(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.String, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// TestIndex compares the index with a map, over keys that crowd in few homes.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.Uint32Range(1, 300).Draw(t, "capacity")
		x := newIndex(capacity)
		frags := map[uint32]uint32{} // by entry
		var free []uint32
		for i := range capacity {
			free = append(free, i)
		}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			if len(free) > 0 && (len(frags) == 0 || rapid.IntRange(0, 2).Draw(t, "op") > 0) {
				frag := rapid.SampledFrom([]uint32{0, 1, 1 << 31, 1<<32 - 1, 1<<32 - 2, rapid.Uint32().Draw(t, "any")}).Draw(t, "frag")
				i := free[len(free)-1]
				free = free[:len(free)-1]
				x.insert(frag, i)
				frags[i] = frag
			} else {
				for i, frag := range frags {
					x.remove(frag, i)
					delete(frags, i)
					free = append(free, i)
					break
				}
			}
			if x.used != len(frags) || x.used >= len(x.slots) || len(x.slots) > slotsFor(capacity) {
				t.Fatalf("%d used of %d slots, want %d of at most %d", x.used, len(x.slots), len(frags), slotsFor(capacity))
			}
			for i, frag := range frags {
				if !indexed(&x, frag, i) {
					t.Fatalf("entry %d of %#x is lost", i, frag)
				}
				if x.first(frag) == 0 {
					t.Fatalf("nothing found for %#x", frag)
				}
			}
		}
	})
}

func indexed(x *index, frag, entry uint32) bool {
	for i := x.home(frag); x.slots[i] != 0; i = (i + 1) % len(x.slots) {
		if x.slots[i] == uint64(frag)<<32|uint64(entry+1) {
			return true
		}
	}
	return false
}

func TestPool(t *testing.T) {
	p := newPool[name](2*slabLen, nil)
	seen := map[uint32]bool{}
	for range 2 * slabLen {
		i, ok := p.get()
		if !ok || seen[i] {
			t.Fatalf("get gives %d, %v", i, ok)
		}
		seen[i] = true
		p.at(i).n = 7
	}
	if _, ok := p.get(); ok {
		t.Error("more than the limit")
	}
	p.put(3)
	p.put(300)
	for _, want := range []uint32{300, 3} {
		i, ok := p.get()
		if !ok || i != want || p.at(i).n != 0 || p.at(i).next != 0 {
			t.Errorf("get gives %d, %v with %+v, want %d empty", i, ok, *p.at(i), want)
		}
	}
}

func TestHashCoversTheKey(t *testing.T) {
	h := newHasher(1)
	var k packet.Key
	seen := map[uint64]int{h.key(&k): -1}
	b := (*[40]byte)(unsafe.Pointer(&k))
	for bit := range 320 {
		b[bit/8] ^= 1 << (bit % 8)
		x := h.key(&k)
		if zero := (packet.Key{}); same(&k, &zero) || !same(&k, &k) {
			t.Errorf("bit %d does not tell two keys apart", bit)
		}
		if other, dup := seen[x]; dup {
			t.Errorf("bits %d and %d of the key give one hash", bit, other)
		}
		seen[x] = bit
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// Keys chosen against one seed, so that all fall into one shard and crowd in a few slots, spread
// under another: what an attacker learns of one process is worth nothing against the next.
func TestHashFlood(t *testing.T) {
	const shards, flows = 64, 2000
	known, secret := newHasher(1), newHasher(2)
	var chosen []packet.Key
	for i := uint32(0); len(chosen) < flows; i++ {
		m := meta(17, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 53), ap("192.0.2.1:53"), 0)
		if x := known.key(&m.Key); x>>58 == 0 && uint32(x)>>28 == 0 {
			chosen = append(chosen, m.Key)
		}
	}
	var byShard [shards]int
	var byFrag [16]int
	for i := range chosen {
		x := secret.key(&chosen[i])
		byShard[x>>58]++
		byFrag[uint32(x)>>28]++
	}
	for i, n := range byShard { // 31 expected; 6 standard deviations are 33
		if n > 31+33 {
			t.Errorf("shard %d holds %d of %d chosen keys", i, n, flows)
		}
	}
	for i, n := range byFrag { // 125 expected
		if n < 125-66 || n > 125+66 {
			t.Errorf("sixteenth %d of the slots holds %d of %d chosen keys", i, n, flows)
		}
	}
	// Against a table without a seed of its own choosing, they take their places like any others.
	tbl := newTable(t, Config{MaxFlows: 1 << 16, Seed: 2})
	w := tbl.NewWorker()
	for i := range chosen {
		addMetas(w, packet.Meta{Key: chosen[i], Class: packet.ClassIP, WireLen: 60, Time: testTime})
	}
	if s := tbl.Snapshot(); s.Table.Entries != flows || s.Table.Untracked.Packets != 0 {
		t.Errorf("%d entries, %d untracked", s.Table.Entries, s.Table.Untracked.Packets)
	}
}

// Two tables without a seed do not agree, and two with one do.
func TestSeed(t *testing.T) {
	k := meta(17, ap("192.0.2.1:1"), ap("192.0.2.2:2"), 0).Key
	hash := func(seed uint64) uint64 { return newTable(t, Config{MaxFlows: 64, Seed: seed}).hasher.key(&k) }
	if a, b := hash(0), hash(0); a == b {
		t.Error("two random seeds give one hash")
	}
	if a, b := hash(5), hash(5); a != b {
		t.Error("one seed gives two hashes")
	}
}

func TestConfigValidate(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, ""},
		{DefaultConfig(), ""},
		{Config{MaxFlows: 1}, ""},
		{Config{MaxFlows: -1}, "max flows -1: want 1 to 1073741824"},
		{Config{MaxFlows: 1<<30 + 1}, "max flows 1073741825: want 1 to 1073741824"},
		{Config{Shards: 3}, "shards 3: want a power of two from 1 to 4096"},
		{Config{Shards: 8192}, "shards 8192: want a power of two"},
		{Config{Shards: 8, MaxFlows: 7}, "shards 8: more than max flows 7"},
		{Config{IdleTimeout: -1, ClosedTimeout: -time.Second}, "idle timeout -1ns: negative\nclosed timeout -1s: negative"},
	} {
		err := tt.cfg.Validate()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.cfg, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: %v, want %q", tt.cfg, err, tt.want)
		}
		if _, newErr := New(tt.cfg, newRegistry(t)); (newErr == nil) != (err == nil) {
			t.Errorf("%+v: New says %v, Validate %v", tt.cfg, newErr, err)
		}
	}
	if _, err := New(Config{}, nil); err == nil {
		t.Error("New without networks gives no error")
	}
}

// Prefault takes the bound but for half of the TCP states and what few flows have.
func TestPrefault(t *testing.T) {
	for _, n := range []int{1, 100, 5000, 70000} {
		cfg := Config{MaxFlows: n, Prefault: true}
		tbl := newTable(t, cfg)
		rare := uint64(0)
		for i := range tbl.shards {
			s := &tbl.shards[i]
			rare += poolBound(s.healths.limit, unsafe.Sizeof(health{})+unsafe.Sizeof(name{}))
			rare += poolBound(s.conns.limit, unsafe.Sizeof(conn{})) - poolBound(s.conns.limit/2, unsafe.Sizeof(conn{}))
		}
		if got, want := tbl.Snapshot().Table.MemoryBytes, cfg.MemoryBound()-rare; got != want {
			t.Errorf("%d flows: %d bytes, want %d", n, got, want)
		}
		if got := tbl.Snapshot().Table.Capacity; got != n {
			t.Errorf("capacity %d, want %d", got, n)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	k := meta(6, tcpClient, tcpServer, 0).Key
	b.Run("own", func(b *testing.B) {
		h := newHasher(1)
		for b.Loop() {
			k.LoPort += uint16(h.key(&k))
		}
	})
	b.Run("maphash", func(b *testing.B) {
		seed := maphash.MakeSeed()
		for b.Loop() {
			k.LoPort += uint16(maphash.Bytes(seed, (*[40]byte)(unsafe.Pointer(&k))[:]))
		}
	})
}

// TestClockBeforePackets: when a fold can find the first packets, the clock is theirs.
func TestClockBeforePackets(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 1024, Shards: 1})
	w := tbl.NewWorker()
	tbl.shards[0].mu.Lock()
	done := make(chan struct{})
	go func() { // ends with the batch
		addMetas(w, udp(1, testTime))
		close(done)
	}()
	for deadline := time.Now().Add(10 * time.Second); tbl.clock.Load() != testTime; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the clock waits for the shards")
			break
		}
	}
	tbl.shards[0].mu.Unlock()
	<-done
}

// Where there is one processor, a fold that kept it would stop the capture for as long as it takes.
func TestFoldLetsOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const flows = 100_000
	tbl := newTable(t, Config{MaxFlows: 2 * flows})
	metas := make([]packet.Meta, flows)
	for i := range metas {
		metas[i] = meta(17, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i >> 12)}), uint16(i&0xfff)), ap("203.0.113.1:53"), testTime)
	}
	addMetas(tbl.NewWorker(), metas...)
	var turns atomic.Int64
	done := make(chan struct{})
	go func() { // ends when the fold is over
		for {
			select {
			case <-done:
				return
			default:
				turns.Add(1)
				runtime.Gosched()
			}
		}
	}()
	tbl.foldMu.Lock()
	tbl.fold(testTime)
	got := turns.Load()
	tbl.foldMu.Unlock()
	close(done)
	if want := int64(flows / foldChunk / foldSlice / 2); got < want { // a turn may fall to somebody else
		t.Errorf("others had %d turns while %d flows were folded, want %d", got, flows, want)
	}
}
