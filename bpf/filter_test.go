//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/internal/pcaptest"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// filterExpressions are of every kind that the translation tells apart: loads of each size, with and without
// index, lengths, arithmetic with numbers and between fields, scratch memory, tags.
var filterExpressions = []string{
	"ip", "ip6", "arp", "tcp", "udp", "icmp", "not ip", "tcp or udp", "port 53", "src port 1000", "dst port 80", "not port 22",
	"portrange 50-60", "host 192.0.2.1", "src host 192.0.2.1", "net 192.0.2.0/24", "src net 198.51.100.0/24", "net 2001:db8::/32",
	"host 2001:db8:1::1", "ip proto 17", "ip6 proto 17", "less 100", "greater 100", "len > 200", "len = 74",
	"tcp[13] & 2 != 0", "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn", "udp[4:2] > 100", "ip[0] & 0xf != 5", "ip[6:2] & 0x1fff != 0",
	"ip[8] < 5", "tcp[(tcp[12] & 0xf0) >> 2] = 0", "ip[2:2] - ((ip[0] & 0xf) << 2) > 120", "ip[0] * 2 = 138", "ip[0] / 16 = 4",
	"ip[0] % 16 = 5", "ip[0] ^ 0x45 = 0", "-ip[0] + 69 = 0", "ip[1] | 1 = 1", "ip[6] / ip[7] = 0", "ip[0] << ip[0] = 0", "ip[0] >> (ip[0] & 3) > 30",
	"ip[12:4] = ip[16:4]", "ip[ip[8] % 20] = 0", "link[12:2] = 0x0800", "link[len - 1] = 0", "ether multicast", "broadcast",
	"ether src 00:00:5e:00:53:0a", "vlan", "vlan 7", "vlan and udp port 2000", "vlan and vlan", "not vlan", "ip or vlan and ip",
	"host 192.0.2.1 and (port 80 or port 443) and not src net 192.0.2.128/25", "ip and (tcp[13] & 7 != 0 or udp port 53 or icmp)",
	"tcp and ip proto 17", "0 = 0", "ip[2:2] > 576",
}

// filterFrames are whole, cut, tagged and large ones.
func filterFrames() [][]byte {
	list := [][]byte{
		pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)),
		pcaptest.UDP("203.0.113.1:53", "192.0.2.1:1000", make([]byte, 1300)),
		pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{Payload: make([]byte, 200)}),
		pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:443", pcaptest.Segment{}),
		pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 96), pcaptest.VLAN(7)),
		pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:2000", make([]byte, 92), pcaptest.VLAN(100, 200)),
		pcaptest.UDP("[2001:db8:1::1]:1", "[2001:db8:1::2]:53", make([]byte, 500)),
		pcaptest.ARP("192.0.2.1", "192.0.2.2"),
	}
	list = append(list, pcaptest.Fragments("192.0.2.9", "203.0.113.9", 17, make([]byte, 4000), 1480)...)
	whole := list[0]
	for _, n := range []int{14, 20, 33, 34, 36} {
		list = append(list, whole[:n])
	}
	broadcast := append([]byte{}, whole...)
	copy(broadcast, []byte{255, 255, 255, 255, 255, 255})
	return append(list, broadcast)
}

// verdictPrograms are the translation of prog in front of programs that do nothing but accept.
func verdictPrograms(t *testing.T, hook Hook, prog *filter.Program) []*ebpf.Program {
	t.Helper()
	var list []*ebpf.Program
	for _, frags := range []bool{false, true} {
		kind, accept := ebpf.XDP, int32(accepted)
		if hook == HookTC {
			kind = ebpf.SchedCLS
		}
		tr := translator{hook: hook, frags: frags && hook == HookXDP, refused: refused}
		front, err := tr.translate(prog.Instructions())
		if err != nil {
			t.Fatal(err)
		}
		spec := &ebpf.ProgramSpec{Type: kind, License: "GPL"}
		if tr.frags {
			spec.Flags = 1 << 5 // BPF_F_XDP_HAS_FRAGS
		}
		body := asm.Instructions{asm.Mov.Imm(asm.R0, accept).WithSymbol("verdict"), asm.Return()}
		spec.Instructions = joinFront(front, body)
		p, err := ebpf.NewProgram(spec)
		if err != nil {
			t.Fatalf("load: %v", err)
		}
		t.Cleanup(func() { p.Close() })
		if list = append(list, p); hook == HookTC {
			break
		}
	}
	return list
}

const refused, accepted = 1, 2

// TestFilterVerdicts holds the verdict of each translated expression on each frame to that of Match.
func TestFilterVerdicts(t *testing.T) {
	testneed.BPF(t)
	for _, hook := range []Hook{HookXDP, HookTC} {
		t.Run(hook.String(), func(t *testing.T) {
			if hook == HookXDP {
				needLinux(t, 5, 18, "filters with XDP")
			}
			compared, matched := 0, 0
			for _, text := range filterExpressions {
				expr, err := filter.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				prog, err := expr.Compile(filter.Target{Link: packet.LinkEthernet, Live: hook == HookTC})
				if filter.MatchesNothing(err) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, program := range verdictPrograms(t, hook, prog) {
					for n, frame := range filterFrames() {
						if hook == HookTC && (len(frame) < 34 || tagsIn(frame)) {
							continue // a test run makes no such packet, and no tag in metadata
						}
						f := packet.Frame{Data: frame, WireLen: uint32(len(frame)), Link: packet.LinkEthernet}
						ret, err := program.Run(&ebpf.RunOptions{Data: frame, Repeat: 1})
						if err != nil {
							t.Fatalf("test run of %d bytes: %v", len(frame), err)
						}
						if got, want := ret == accepted, prog.Match(&f); got != want {
							t.Errorf("%s: frame %d accepted %v (%d), match is %v", text, n, got, ret, want)
						}
						compared++
						if ret == accepted {
							matched++
						}
					}
				}
			}
			t.Logf("%d verdicts, %d accepted", compared, matched)
			if compared < 500 || matched < 100 || matched > compared-100 {
				t.Errorf("%d verdicts compared, %d frames matched: too few to show anything", compared, matched)
			}
		})
	}
}

// TestFilterCounts holds that what a filter refuses is not counted, and goes on.
func TestFilterCounts(t *testing.T) {
	expr, err := filter.Parse("udp port 53 and not host 203.0.113.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range []Hook{HookXDP, HookTC} {
		if hook == HookXDP && !xdpLoadBytes() {
			continue // which filters need
		}
		prog, err := expr.Compile(filter.Target{Link: packet.LinkEthernet, Live: hook == HookTC})
		if err != nil {
			t.Fatal(err)
		}
		p := load(t, Config{Hook: hook, MaxFlows: 64, ClockGiven: true, Filter: prog.Instructions()})
		p.SetClock(testTime)
		programs := []*ebpf.Program{p.XDP(), p.XDPFrags()}
		if hook == HookTC {
			in, out := p.TCX()
			programs = []*ebpf.Program{in, out}
		}
		for _, program := range programs {
			sink := newTallySink()
			run(t, program, pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:53", make([]byte, 100)))
			run(t, program, pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)))
			run(t, program, pcaptest.ARP("192.0.2.1", "192.0.2.2"))
			p.Drain(sink)
			if got := sink.totals.IPv4.Packets; got != 1 || sink.totals.NonIP.Packets != 0 || sink.frames != 0 {
				t.Errorf("%v: %+v, want 1 packet", program, sink.totals)
			}
		}
	}
}

func tagsIn(frame []byte) bool { return binary.BigEndian.Uint16(frame[12:]) == 0x8100 }

// TestFilterUntranslated: what a hook does not have is refused, with the reason.
func TestFilterUntranslated(t *testing.T) {
	testneed.BPF(t)
	expr, err := filter.Parse("vlan 7")
	if err != nil {
		t.Fatal(err)
	}
	prog, err := expr.Compile(filter.Target{Link: packet.LinkEthernet, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load(Config{Hook: HookXDP, Filter: prog.Instructions()}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("a filter on tags in metadata, for XDP: %v", err)
	}
}

// TestFilterLive holds the verdicts on frames whose outermost tag is metadata, as they arrive in traffic control.
func TestFilterLive(t *testing.T) {
	testneed.BPF(t)
	needLinux(t, 6, 6, "tcx")
	for text, want := range map[string]uint64{
		"vlan": 3, "vlan 7": 2, "not vlan": 4, "vlan 7 and udp port 53": 1, "vlan and vlan": 1, "tcp or (vlan 8 and udp port 53)": 2, "inbound": 7, "outbound": 0,
	} {
		expr, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := expr.Compile(filter.Target{Link: packet.LinkEthernet, Live: true})
		if err != nil {
			t.Fatal(err)
		}
		pair := netnstest.NewPair(t)
		p := load(t, Config{Hook: HookTC, MaxFlows: 64, Filter: prog.Instructions()})
		var a *Attachment
		pair.B.Do(func() { a, err = p.Attach(pair.B.Link().Attrs().Index, ModeTC, false) })
		if err != nil {
			t.Fatal(err)
		}
		udp := pcaptest.UDP("192.0.2.1:1000", "198.51.100.1:53", make([]byte, 100))
		pair.A.Sender().Send(udp, udp, udp, pcaptest.TCP("192.0.2.1:1000", "192.0.2.2:80", pcaptest.Segment{}),
			tagged(udp, 0x8100, 7), tagged(tagged(udp, 0x8100, 9), 0x8100, 7), tagged(udp, 0x8100, 8))
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		sink := newTallySink()
		p.Drain(sink)
		if got := sink.totals.IPv4.Packets; got != want {
			t.Errorf("%s: %d packets, want %d; %v", text, got, want, prog.Instructions())
		}
	}
}
