package flows

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// reloadPrefixes hold the addresses of someAddrs in every way: alone, nested, and not at all.
var reloadPrefixes = []string{
	"192.0.2.0/24", "192.0.2.0/25", "192.0.2.1/32", "198.51.100.0/25", "198.51.100.0/24", "0.0.0.0/0",
	"203.0.113.0/24", "2001:db8::/32", "2001:db8::1/128", "::/0", "255.255.255.255/32",
}

// listOf makes networks of prefixes.
func listOf(prefixes ...string) []localnets.Network {
	list := make([]localnets.Network, len(prefixes))
	for i, p := range prefixes {
		list[i] = localnets.Network{ID: int32(i), Prefix: netip.MustParsePrefix(p), Name: p}
	}
	return list
}

// A ledger is what the networks must hold, found by the slowest means.
type ledger struct {
	list   []netip.Prefix
	nets   map[netip.Prefix]*[localnets.NumDirections]localnets.Counts
	scopes [localnets.NumScopes]localnets.Counts
	seen   map[netip.Addr]bool
}

func (l *ledger) find(a netip.Addr) (best netip.Prefix) {
	for _, p := range l.list {
		if p.Contains(a) && (!best.IsValid() || p.Bits() > best.Bits()) {
			best = p
		}
	}
	return best
}

func (l *ledger) reload(list []localnets.Network) {
	old := l.nets
	l.list, l.nets = nil, map[netip.Prefix]*[localnets.NumDirections]localnets.Counts{}
	for _, n := range list {
		l.list = append(l.list, n.Prefix)
		if l.nets[n.Prefix] = old[n.Prefix]; l.nets[n.Prefix] == nil {
			l.nets[n.Prefix] = new([localnets.NumDirections]localnets.Counts)
		}
	}
}

func (l *ledger) count(m *packet.Meta) {
	n := localnets.Counts{Packets: 1, Bytes: uint64(m.WireLen)}
	if m.Class != packet.ClassIP {
		return
	}
	from, to := m.Key.LoAddr(), m.Key.HiAddr()
	if m.Dir == packet.DirHiLo {
		from, to = to, from
	}
	l.seen[from], l.seen[to] = true, true
	src, dst := l.find(from), l.find(to)
	scope := localnets.ScopeInternal
	switch {
	case !src.IsValid() && !dst.IsValid():
		scope = localnets.ScopeTransit
	case src == dst:
		sum(&l.nets[src][localnets.Inner], n)
	default:
		if src.IsValid() {
			sum(&l.nets[src][localnets.Egress], n)
		} else {
			scope = localnets.ScopeInbound
		}
		if dst.IsValid() {
			sum(&l.nets[dst][localnets.Ingress], n)
		} else {
			scope = localnets.ScopeOutbound
		}
	}
	sum(&l.scopes[scope], n)
}

// check compares s, of a table that nothing changes meanwhile.
func (l *ledger) check(t failer, tbl *Table, s *Snapshot) {
	t.Helper()
	if len(s.Nets.Networks) != len(l.list) {
		t.Errorf("%d networks, want %d", len(s.Nets.Networks), len(l.list))
		return
	}
	live := map[netip.Addr]bool{}
	tbl.Flows(func(f *Flow) bool {
		live[f.Key.LoAddr()], live[f.Key.HiAddr()] = true, true
		return true
	})
	all, sums := 0, s.Nets.Removed
	for i := range s.Nets.Networks {
		n := &s.Nets.Networks[i]
		if int(n.ID) != i {
			t.Errorf("network %v at %d has ID %d", n.Prefix, i, n.ID)
		}
		if want := l.nets[n.Prefix]; want == nil || *want != n.Traffic {
			t.Errorf("network %v: %+v, want %+v", n.Prefix, n.Traffic, want)
		}
		for dir := range sums {
			sum(&sums[dir], n.Traffic[dir])
		}
		least, most := 0, 0
		for a := range l.seen {
			if l.find(a) == n.Prefix {
				most++
				if live[a] {
					least++
				}
			}
		}
		if n.Hosts < least || n.Hosts > most || uint64(n.Hosts) > n.NewHosts {
			t.Errorf("network %v: %d hosts of %d that appeared; want %d to %d", n.Prefix, n.Hosts, n.NewHosts, least, most)
		}
		all += n.Hosts
	}
	if all != s.Nets.Hosts {
		t.Errorf("networks have %d hosts, the whole %d", all, s.Nets.Hosts)
	}
	between := s.Nets.MatrixOther
	for _, c := range s.Nets.Matrix {
		if c.Src < 0 || c.Dst < 0 || int(max(c.Src, c.Dst)) >= len(l.list) || c.Src == c.Dst {
			t.Errorf("cell from %d to %d", c.Src, c.Dst)
		}
		sum(&between, c.Counts)
	}
	for _, law := range []struct {
		name  string
		dir   localnets.Direction
		scope localnets.Scope
	}{{"egress", localnets.Egress, localnets.ScopeOutbound}, {"ingress", localnets.Ingress, localnets.ScopeInbound}} {
		want := between
		sum(&want, s.Nets.Scopes[law.scope])
		if sums[law.dir] != want {
			t.Errorf("%s of networks and Removed is %+v, of %v and matrix %+v", law.name, sums[law.dir], law.scope, want)
		}
	}
	inner := between
	sum(&inner, sums[localnets.Inner])
	if inner != s.Nets.Scopes[localnets.ScopeInternal] {
		t.Errorf("inner and matrix %+v, internal %+v", inner, s.Nets.Scopes[localnets.ScopeInternal])
	}
	for _, scope := range []localnets.Scope{localnets.ScopeInbound, localnets.ScopeOutbound, localnets.ScopeInternal, localnets.ScopeTransit} {
		if s.Nets.Scopes[scope] != l.scopes[scope] {
			t.Errorf("scope %v: %+v, want %+v", scope, s.Nets.Scopes[scope], l.scopes[scope])
		}
	}
}

// A reload changes no figure of a network that stays, but for the flows and hosts that now are in it or
// not in it any more.
var atReload = cmp.Options{
	cmpopts.IgnoreTypes(localnets.Network{}),
	cmpopts.IgnoreFields(localnets.NetworkStats{}, "Hosts", "HostsCapped", "NewHosts", "Flows", "FlowsActive",
		"FlowsClient", "FlowsServer"),
	cmpopts.EquateEmpty(),
}

// For any sequence of traffic, reloads and folds all sums stay closed, and each network holds exactly the
// packets that came while it was configured and the longest match.
func TestReloadsAndTraffic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		tbl := newTable(t2(t), cfg)
		workers := []*Worker{tbl.NewWorker(), tbl.NewWorker()}
		now := testTime
		l := &ledger{seen: map[netip.Addr]bool{}}
		list := tbl.nets.Networks()
		l.reload(list)
		t.Repeat(map[string]func(*rapid.T){
			"process": func(t *rapid.T) {
				metas := make([]packet.Meta, rapid.IntRange(1, 30).Draw(t, "frames"))
				for i := range metas {
					now += rapid.Int64Range(0, ms).Draw(t, "pause")
					metas[i] = drawMeta(t, now, false)
					for k := &metas[i].Key; k.Is4() && !(netip.AddrFrom16(k.Lo).Is4In6() && netip.AddrFrom16(k.Hi).Is4In6()); {
						metas[i] = drawMeta(t, now, false) // no frame has an address of each version
					}
					l.count(&metas[i])
				}
				addMetas(workers[rapid.IntRange(0, 1).Draw(t, "worker")], metas...)
			},
			"tick": func(t *rapid.T) {
				now += rapid.Int64Range(0, 30e9).Draw(t, "pause")
				tbl.Tick(now)
			},
			"fold": func(t *rapid.T) { tbl.Snapshot() },
			"reload": func(t *rapid.T) {
				before := tbl.Snapshot()
				was := list
				list = listOf(rapid.SliceOfNDistinct(rapid.SampledFrom(reloadPrefixes), 0, len(reloadPrefixes), rapid.ID).Draw(t, "networks")...)
				change, err := tbl.Reload(list)
				if err != nil {
					t.Fatal(err)
				}
				l.reload(list)
				after := tbl.Snapshot()
				checkReload(t, was, list, change, before, after)
				list = tbl.nets.Networks()
			},
			"": func(t *rapid.T) {
				s := tbl.Snapshot()
				checkClosed(t, s)
				checkFlows(t, tbl, s)
				l.check(t, tbl, s)
			},
		})
	})
}

// checkReload compares snapshots before and after a reload from was to list.
func checkReload(t failer, was, list []localnets.Network, change localnets.Change, before, after *Snapshot) {
	t.Helper()
	old := map[netip.Prefix]*localnets.NetworkStats{}
	for i := range before.Nets.Networks {
		old[before.Nets.Networks[i].Prefix] = &before.Nets.Networks[i]
	}
	added := 0
	for i := range after.Nets.Networks {
		n := &after.Nets.Networks[i]
		o := old[n.Prefix]
		if o == nil {
			added++
			if n.Traffic != [localnets.NumDirections]localnets.Counts{} || n.CurrentMinute != (localnets.MinuteCounters{}) || n.LastSeen != 0 {
				t.Errorf("network %v, which is new, holds %+v, %+v", n.Prefix, n.Traffic, n.CurrentMinute)
			}
			continue
		}
		if int(o.ID) < len(list) && n.ID != o.ID {
			t.Errorf("network %v: ID %d, before %d", n.Prefix, n.ID, o.ID)
		}
		diff(t, "network that stays", o, n, atReload)
	}
	kept := len(list) - added
	if len(change.Added) != added || len(change.Removed) != len(was)-kept {
		t.Errorf("change tells of %d added and %d removed networks, want %d and %d", len(change.Added), len(change.Removed), added, len(was)-kept)
	}
	diff(t, "scopes", before.Nets.Scopes, after.Nets.Scopes)
	diff(t, "capture", before.Capture, after.Capture)
	if !change.Empty() && after.Nets.Generation != before.Nets.Generation+1 {
		t.Errorf("generation %d after %d", after.Nets.Generation, before.Nets.Generation)
	}
}

// Reloads between packets of two flows: what each network gets, and which flows it has.
func TestReloadFlowsInFlight(t *testing.T) {
	tbl := newTable(t, Config{Seed: 1})
	w := tbl.NewWorker()
	client, server := ap("192.0.2.1:4000"), ap("203.0.113.9:443")
	addMetas(w, meta(protoTCP, client, server, testTime))
	lists := [][]localnets.Network{
		listOf("192.0.2.0/24", "203.0.113.0/24"),                 // the server's network comes
		listOf("192.0.2.0/24", "203.0.113.0/24", "192.0.2.1/32"), // the client gets one of its own
		listOf("203.0.113.0/24"),                                 // the client's go
	}
	for i, list := range lists {
		if _, err := tbl.Reload(list); err != nil {
			t.Fatal(err)
		}
		addMetas(w, meta(protoTCP, client, server, testTime+int64(i+1)*ms))
		checkFlows(t, tbl, tbl.Snapshot())
	}
	s := tbl.Snapshot()
	n := &s.Nets.Networks[0]
	if n.Prefix.String() != "203.0.113.0/24" || n.Traffic[localnets.Ingress].Packets != 3 || n.Flows != 1 || n.FlowsServer != 1 || n.Hosts != 1 {
		t.Errorf("server's network: %+v", n)
	}
	if n.CurrentMinute.NewFlowsServer != 0 || n.CurrentMinute.NewHosts != 0 {
		t.Errorf("flows and hosts of before the reload count as new: %+v", n.CurrentMinute)
	}
	if got := s.Nets.Removed[localnets.Egress].Packets; got != 3 {
		t.Errorf("removed networks had %d packets of egress, want 3", got)
	}
	if s.Nets.MatrixOther.Packets != 2 {
		t.Errorf("%d packets in the rest of the matrix, want 2", s.Nets.MatrixOther.Packets)
	}
	if len(flowsOf(tbl)) != 1 || s.Table.Entries != 1 {
		t.Errorf("%d flows: the reload ended one", s.Table.Entries)
	}
}

// An error changes nothing, and the same list is no change.
func TestReloadRefuses(t *testing.T) {
	tbl := newTable(t, Config{})
	before := tbl.nets.Table()
	bad := listOf("192.0.2.0/24", "192.0.2.0/24")
	if _, err := tbl.Reload(bad); err == nil {
		t.Error("a network twice: no error")
	}
	same := tbl.nets.Networks()
	slices.Reverse(same)
	for i := range same {
		same[i].ID = int32(i)
	}
	if change, err := tbl.Reload(same); err != nil || !change.Empty() {
		t.Errorf("the same list in another order: %+v, %v", change, err)
	}
	if tbl.nets.Table() != before {
		t.Error("the table was replaced")
	}
}

// Workers run at full speed while 10,000 networks come and go: not a packet is lost, and a network that
// stays has each of its own.
func TestReloadUnderLoad(t *testing.T) {
	tbl := newTable(t, Config{MaxFlows: 1 << 14, Seed: 5})
	many := make([]string, 0, 10_000)
	for i := range 10_000 {
		many = append(many, fmt.Sprintf("10.%d.%d.0/24", i>>8, i&0xff))
	}
	lists := [][]localnets.Network{
		listOf(append([]string{"192.0.2.0/24"}, many...)...),
		listOf("192.0.2.0/24", "198.51.100.0/24"),
		listOf(append([]string{"10.0.0.0/8", "192.0.2.0/24"}, many[5000:]...)...),
	}
	const workers, perBlock = 2, 500
	stop := make(chan struct{})
	var sent [workers]uint64
	var wg sync.WaitGroup
	for n := range workers {
		w := tbl.NewWorker()
		wg.Go(func() { // ends with stop
			rng := uint64(n + 1)
			metas := make([]packet.Meta, perBlock)
			for {
				select {
				case <-stop:
					return
				default:
				}
				for i := range metas {
					r := splitmix(&rng)
					lan := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(r)}), uint16(r>>8)%32)
					far := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(r>>24) % 40, byte(r >> 32), 1}), 443)
					if r>>40&1 == 0 {
						lan, far = far, lan
					}
					metas[i] = meta(17, lan, far, testTime)
				}
				addMetas(w, metas...)
				sent[n] += perBlock
			}
		})
	}
	times := 100
	if testing.Short() {
		times = 20
	}
	for i := range times {
		if _, err := tbl.Reload(lists[i%len(lists)]); err != nil {
			t.Fatal(err)
		}
		checkClosed(t, tbl.Snapshot())
	}
	close(stop)
	wg.Wait()
	s := tbl.Snapshot()
	checkClosed(t, s)
	checkFlows(t, tbl, s)
	want := sent[0] + sent[1]
	lan := s.Nets.LookupName("192.0.2.0/24")
	if got := lan.Traffic[localnets.Egress].Packets + lan.Traffic[localnets.Ingress].Packets; s.Capture.Packets != want || got != want {
		t.Errorf("sent %d, captured %d, of the network that stays %d", want, s.Capture.Packets, got)
	}
	if lan.Flows < uint64(lan.FlowsActive) || lan.Hosts > 256 {
		t.Errorf("the network that stays: %d flows, %d active, %d hosts", lan.Flows, lan.FlowsActive, lan.Hosts)
	}
}

// BenchmarkReload swaps between two lists with a full table: the time of a whole reload, and the longest
// that one block of a worker took meanwhile.
func BenchmarkReload(b *testing.B) {
	for _, size := range []struct{ networks, flows int }{{10_000, 10_000}, {10_000, 1 << 20}} {
		b.Run(fmt.Sprintf("networks=%d/flows=%d", size.networks, size.flows), func(b *testing.B) {
			tbl := newTable(b, Config{MaxFlows: size.flows, Seed: 1, Prefault: true})
			w := tbl.NewWorker()
			rng := uint64(1)
			metas := make([]packet.Meta, 0, batchLen)
			for range size.flows {
				r := splitmix(&rng)
				metas = append(metas, meta(17, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(r), byte(r >> 8), byte(r >> 16)}), uint16(r>>24)),
					netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(r >> 40)}), uint16(r>>48)), testTime))
				if len(metas) == cap(metas) {
					addMetas(w, metas...)
					metas = metas[:0]
				}
			}
			var prefixes []string
			for i := range size.networks {
				prefixes = append(prefixes, fmt.Sprintf("10.%d.%d.0/24", i>>8, i&0xff))
			}
			lists := [][]localnets.Network{listOf(prefixes...), listOf(append([]string{"10.0.0.0/9"}, prefixes[size.networks/2:]...)...)}
			stop, stopped := make(chan struct{}), make(chan time.Duration)
			go func() { // ends with stop
				longest := time.Duration(0)
				block := make([]packet.Meta, 64)
				for i := range block {
					block[i] = meta(17, ap("10.1.2.3:4"), netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 5), testTime)
				}
				for {
					select {
					case <-stop:
						stopped <- longest
						return
					default:
					}
					began := time.Now()
					addMetas(w, block...)
					longest = max(longest, time.Since(began))
				}
			}()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := tbl.Reload(lists[i%2]); err != nil {
					b.Fatal(err)
				}
				i++
			}
			close(stop)
			b.ReportMetric(float64((<-stopped).Microseconds()), "us-longest-block")
		})
	}
}
