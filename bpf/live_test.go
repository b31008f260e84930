//go:build linux && (amd64 || arm64)

package bpf

import (
	"encoding/binary"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/netmond/netmond/internal/netnstest"
	"github.com/netmond/netmond/packet"
)

// tagged puts an 802.1Q tag into frame.
func tagged(frame []byte, tpid, tci uint16) []byte {
	b := append([]byte{}, frame[:12]...)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, tpid), tci)
	return append(b, frame[12:]...)
}

// TestLive counts frames that arrive on an interface: traffic control finds the outermost tag in the
// packet's metadata, XDP in the bytes, and both count it in bytes and key.
func TestLive(t *testing.T) {
	for _, hook := range []Hook{HookXDP, HookTC} {
		t.Run(hook.String(), func(t *testing.T) {
			if hook == HookTC {
				needLinux(t, 6, 6, "tcx")
			}
			pair := netnstest.NewPair(t)
			p := load(t, Config{Hook: hook, Networks: prefixes("192.0.2.0/24"), Decoder: packet.Decoder{KeyVLAN: true}})
			index := pair.B.Link().Attrs().Index
			var l link.Link
			pair.B.Do(func() {
				var err error
				if hook == HookXDP {
					l, err = link.AttachXDP(link.XDPOptions{Program: p.XDP(), Interface: index, Flags: link.XDPGenericMode})
				} else {
					in, _ := p.TCX()
					l, err = link.AttachTCX(link.TCXOptions{Program: in, Interface: index, Attach: ebpf.AttachTCXIngress})
				}
				if err != nil {
					t.Fatal(err)
				}
			})
			defer l.Close()
			plain := udpFrame(addr4("192.0.2.1"), addr4("198.51.100.1"), 1, 53)
			send := pair.A.Sender()
			send.Repeat(plain, 3)
			send.Repeat(tagged(plain, 0x8100, 7), 5)
			send.Repeat(tagged(tagged(plain, 0x8100, 8), 0x88a8, 9), 7)
			send.Repeat(tagged(plain, 0x8100, 0x2000), 1) // a priority alone

			sink := newTallySink()
			p.Drain(sink)
			byVLAN := map[uint16]packet.Tally{}
			for k, n := range sink.flows {
				byVLAN[k.VLAN] = n
			}
			for vlan, want := range map[uint16]packet.Tally{
				0: {Packets: 4, Bytes: 3*128 + 132}, 7: {Packets: 5, Bytes: 5 * 132}, 9: {Packets: 7, Bytes: 7 * 136},
			} {
				if got := byVLAN[vlan]; got != want {
					t.Errorf("VLAN %d: %+v, want %+v", vlan, got, want)
				}
			}
			if want := (packet.Tally{Packets: 16, Bytes: 3*128 + 6*132 + 7*136}); sink.totals.IPv4 != want || sink.network(0, packet.OutsideNetwork) != want {
				t.Errorf("%+v in all, want %+v", sink.totals.IPv4, want)
			}
			if hook != HookTC {
				return
			}
			// A frame handed up keeps its tag's metadata.
			llc := append([]byte{}, plain...)
			binary.BigEndian.PutUint16(llc[12:], 114)
			var frames []packet.Frame
			c := &frameSink{tallySink: sink, frames: &frames}
			send.Send(tagged(llc, 0x8100, 7))
			p.Drain(c)
			if len(frames) != 1 || frames[0].VLANTPID != 0x8100 || frames[0].VLANTCI != 7 || frames[0].WireLen != 132 || len(frames[0].Data) != 128 {
				t.Errorf("handed up: %+v", frames)
			}
		})
	}
}

// A frameSink keeps the frames that it is given, without their bytes' owner.
type frameSink struct {
	*tallySink
	frames *[]packet.Frame
}

func (s *frameSink) Process(b *packet.Block) {
	for _, f := range b.Frames {
		f.Data = append([]byte{}, f.Data...)
		*s.frames = append(*s.frames, f)
	}
}
