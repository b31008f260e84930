package localnets

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestTotals applies the same traffic as deltas of application Unknown and as totals.
func TestTotals(t *testing.T) {
	list, err := ParseList([]string{"192.0.2.0/24,198.51.100.0/24,203.0.113.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	var regs [2]*Registry
	for i := range regs {
		if regs[i], err = New(Config{AppNames: []string{"Unknown", "DNS"}}, list); err != nil {
			t.Fatal(err)
		}
	}
	n := uint64(1)
	for src := NoNetwork; src < 3; src++ {
		for dst := NoNetwork; dst < 3; dst++ {
			total := Total{Src: src, Dst: dst, AckRTT: int64(n) * 1000, AckRTTSamples: n}
			total.TCP = TCPCounts{Packets: n, SYN: 2, SYNACK: 1, Lost: n}
			var deltas []Delta
			for l4 := range NumL4 {
				c := Counts{Packets: n, Bytes: 100 * n}
				total.L4[l4] = c
				d := Delta{Src: src, Dst: dst, L4: l4, Counts: c, DstBroadcast: l4 == L4UDP}
				if l4 == L4TCP {
					d.TCP, d.AckRTT, d.AckRTTSamples = total.TCP, total.AckRTT, uint32(n)
				}
				if d.DstBroadcast {
					total.Broadcast = c
				}
				deltas = append(deltas, d)
				n++
			}
			regs[0].Apply(1e9, deltas)
			regs[1].ApplyTotals(1e9, []Total{total})
			move := []Delta{{Src: src, Dst: dst, App: 1, Counts: Counts{Packets: 1, Bytes: 50}, Move: true}}
			regs[0].Apply(2e9, move)
			regs[1].Apply(2e9, move)
		}
	}
	if d := cmp.Diff(regs[0].Snapshot(), regs[1].Snapshot(), cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Errorf("snapshot (-deltas +totals):\n%s", d)
	}
}

// TestTotalsOfOtherNetworks holds that traffic between networks that are not told apart counts once in
// each and once in the scope.
func TestTotalsOfOtherNetworks(t *testing.T) {
	list, err := ParseList([]string{"192.0.2.0/24,198.51.100.0/24"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{}, list)
	if err != nil {
		t.Fatal(err)
	}
	c := Counts{Packets: 3, Bytes: 300}
	r.ApplyTotals(1, []Total{
		{Src: 0, Dst: OtherNetwork, L4: [NumL4]Counts{L4UDP: c}},
		{Src: OtherNetwork, Dst: 1, L4: [NumL4]Counts{L4UDP: c}},
	})
	s := r.Snapshot()
	if s.Scopes[ScopeInternal] != c || s.MatrixOther != c || len(s.Matrix) != 0 {
		t.Errorf("scope %+v, rest of the matrix %+v, want %+v in both", s.Scopes[ScopeInternal], s.MatrixOther, c)
	}
	if s.Networks[0].Traffic != [NumDirections]Counts{Egress: c} || s.Networks[1].Traffic != [NumDirections]Counts{Ingress: c} {
		t.Errorf("networks %+v, %+v", s.Networks[0].Traffic, s.Networks[1].Traffic)
	}
}

// TestPlaces holds that a network that stays keeps its slot, whatever becomes of its ID.
func TestPlaces(t *testing.T) {
	lists := [][]string{{"192.0.2.0/24,198.51.100.0/24,203.0.113.0/24"}, {"203.0.113.0/24,2001:db8::/32"}}
	r, err := New(Config{}, must(t, lists[0]))
	if err != nil {
		t.Fatal(err)
	}
	before, slots, generation := r.Places()
	if generation != 1 || !slices.Equal(slots, []int32{0, 1, 2}) {
		t.Errorf("at first: generation %d, slots %v", generation, slots)
	}
	u, err := r.Prepare(must(t, lists[1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Swap(u); err != nil {
		t.Fatal(err)
	}
	r.Settle(u)
	after, places, generation := r.Places()
	if generation != 2 || len(after) != 2 {
		t.Fatalf("then: generation %d, %v", generation, after)
	}
	for i := range after {
		if after[i].Prefix == before[2].Prefix && places[i] != slots[2] {
			t.Errorf("%v moved from slot %d to %d", after[i].Prefix, slots[2], places[i])
		}
	}
}

func must(t *testing.T, list []string) []Network {
	t.Helper()
	networks, err := ParseList(list)
	if err != nil {
		t.Fatal(err)
	}
	return networks
}
