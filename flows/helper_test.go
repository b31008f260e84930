package flows

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

// testTime is the capture time at which tests begin: 2023-11-14T22:13:20Z.
const testTime = int64(1_700_000_000e9)

const ms = int64(1e6)

// newRegistry has three local networks: lan 192.0.2.0/24 (ID 0), dmz 198.51.100.0/25 (1) and six
// 2001:db8::/32 (2).
func newRegistry(t testing.TB) *localnets.Registry {
	t.Helper()
	nets, err := localnets.ParseList([]string{"192.0.2.0/24=lan,198.51.100.0/25=dmz,2001:db8::/32=six"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	r, err := localnets.New(cfg, nets)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newTable(t testing.TB, cfg Config) *Table {
	t.Helper()
	tbl, err := New(cfg, newRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// meta is what decoding a frame of 100 bytes from src to dst gives.
func meta(proto uint8, src, dst netip.AddrPort, at int64) packet.Meta {
	m := packet.Meta{Time: at, WireLen: 100, Class: packet.ClassIP}
	a, b := src, dst
	swap := b.Addr().Compare(a.Addr()) < 0 || a.Addr() == b.Addr() && b.Port() < a.Port()
	if swap {
		a, b = b, a
		m.Dir = packet.DirHiLo
	}
	m.Key = packet.Key{Lo: a.Addr().As16(), Hi: b.Addr().As16(), LoPort: a.Port(), HiPort: b.Port(), Proto: proto, Family: packet.FamilyIPv6}
	if a.Addr().Is4() {
		m.Key.Family = packet.FamilyIPv4
	}
	return m
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// addMetas is Process without the decoder.
func addMetas(w *Worker, metas ...packet.Meta) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(metas) > 0 {
		n := min(len(metas), batchLen)
		frames := make([]packet.Frame, n)
		for i := range frames {
			w.metas[i] = metas[i]
			frames[i] = packet.Frame{Time: metas[i].Time, WireLen: metas[i].WireLen + metas[i].Envelope}
		}
		w.account(frames)
		w.count(frames)
		metas = metas[n:]
	}
}

// flowsOf lists the flows of tbl by key.
func flowsOf(tbl *Table) map[packet.Key]Flow {
	all := map[packet.Key]Flow{}
	tbl.Flows(func(f *Flow) bool {
		all[f.Key] = *f
		return true
	})
	return all
}

// onlyFlow is the single flow of tbl.
func onlyFlow(t testing.TB, tbl *Table) Flow {
	t.Helper()
	all := flowsOf(tbl)
	if len(all) != 1 {
		t.Fatalf("%d flows, want 1", len(all))
	}
	for _, f := range all {
		return f
	}
	panic("unreachable")
}

type failer interface {
	Helper()
	Errorf(string, ...any)
}

// checkClosed checks the laws that hold at every snapshot.
func checkClosed(t failer, s *Snapshot) {
	t.Helper()
	var scopes localnets.Counts
	for _, n := range s.Nets.Scopes {
		sum(&scopes, n)
	}
	if want := (localnets.Counts{Packets: s.Capture.Packets, Bytes: s.Capture.Bytes}); scopes != want {
		t.Errorf("scopes sum to %+v, capture to %+v", scopes, want)
	}
	var ip, byVersion, undecoded localnets.Counts
	for _, scope := range []localnets.Scope{localnets.ScopeInbound, localnets.ScopeOutbound, localnets.ScopeInternal, localnets.ScopeTransit} {
		sum(&ip, s.Nets.Scopes[scope])
	}
	sum(&byVersion, s.IPv4)
	sum(&byVersion, s.IPv6)
	if ip != byVersion {
		t.Errorf("IP scopes sum to %+v, IP versions to %+v", ip, byVersion)
	}
	for _, n := range s.Undecoded {
		sum(&undecoded, n)
	}
	if undecoded != s.Nets.Scopes[localnets.ScopeUndecoded] {
		t.Errorf("undecoded reasons sum to %+v, scope is %+v", undecoded, s.Nets.Scopes[localnets.ScopeUndecoded])
	}
	for i := range s.Nets.Networks {
		n := &s.Nets.Networks[i]
		for dir := range localnets.NumDirections {
			var l4, app localnets.Counts
			for _, c := range n.L4[dir] {
				sum(&l4, c)
			}
			for _, p := range n.Protocols {
				sum(&app, p.ByDirection[dir])
			}
			if l4 != n.Traffic[dir] || app != n.Traffic[dir] {
				t.Errorf("%s %v: traffic %+v, transports %+v, applications %+v", n.Name, dir, n.Traffic[dir], l4, app)
			}
			if n.TCP[dir].Packets > n.L4[dir][localnets.L4TCP].Packets {
				t.Errorf("%s %v: %d TCP headers in %d TCP packets", n.Name, dir, n.TCP[dir].Packets, n.L4[dir][localnets.L4TCP].Packets)
			}
		}
	}
	started, ended := uint64(0), uint64(0)
	for _, n := range s.Table.Started {
		started += n
	}
	for _, n := range s.Table.Ended {
		ended += n
	}
	if started-ended != uint64(s.Table.Entries) {
		t.Errorf("started %d - ended %d is not the %d entries", started, ended, s.Table.Entries)
	}
}

// checkFlows checks a table that nothing changes meanwhile: the networks' active flows are those of
// the table, and no flow holds less than its packets.
func checkFlows(t failer, tbl *Table, s *Snapshot) {
	t.Helper()
	active := make([]int64, len(s.Nets.Networks))
	entries := 0
	tbl.Flows(func(f *Flow) bool {
		entries++
		if f.ClientNetwork >= 0 {
			active[f.ClientNetwork]++
		}
		if f.ServerNetwork >= 0 && f.ServerNetwork != f.ClientNetwork {
			active[f.ServerNetwork]++
		}
		if f.First > f.Last {
			t.Errorf("flow %v begins at %d, after its end %d", f.Key, f.First, f.Last)
		}
		return true
	})
	if entries != s.Table.Entries {
		t.Errorf("%d flows listed, %d entries", entries, s.Table.Entries)
	}
	for i := range s.Nets.Networks {
		if got := s.Nets.Networks[i].FlowsActive; got != active[i] {
			t.Errorf("network %d: %d active flows, the table has %d", i, got, active[i])
		}
	}
}

func diff(t failer, what string, want, got any, opts ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, opts...); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// ipv4 builds a raw IPv4 frame with a UDP datagram or a TCP segment around payload.
func ipv4(proto uint8, src, dst netip.AddrPort, at int64, flags uint8, seq, ack uint32, payload []byte) packet.Frame {
	head := 8
	if proto == protoTCP {
		head = 20
	}
	total := 20 + head + len(payload)
	b := bytes.NewBuffer(nil)
	b.Write([]byte{0x45, 0, byte(total >> 8), byte(total), 0, 0, 0, 0, 64, proto, 0, 0})
	b.Write(src.Addr().AsSlice())
	b.Write(dst.Addr().AsSlice())
	b.Write([]byte{byte(src.Port() >> 8), byte(src.Port()), byte(dst.Port() >> 8), byte(dst.Port())})
	if proto == protoTCP {
		b.Write([]byte{byte(seq >> 24), byte(seq >> 16), byte(seq >> 8), byte(seq)})
		b.Write([]byte{byte(ack >> 24), byte(ack >> 16), byte(ack >> 8), byte(ack)})
		b.Write([]byte{0x50, flags, 0xff, 0xff, 0, 0, 0, 0})
	} else {
		n := 8 + len(payload)
		b.Write([]byte{byte(n >> 8), byte(n), 0, 0})
	}
	b.Write(payload)
	return packet.Frame{Data: b.Bytes(), Time: at, WireLen: uint32(b.Len()), Link: rawIP}
}

const rawIP packet.LinkType = 101
