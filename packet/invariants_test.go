package packet

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// checkMeta fails where m breaks a law that holds for every frame.
func checkMeta(t testing.TB, d *Decoder, f *Frame, m *Meta) {
	t.Helper()
	bad := func(format string, args ...any) {
		t.Helper()
		t.Errorf("Decode(%v %x, wire length %d) = %+v: "+format, append([]any{f.Link, f.Data, f.WireLen, *m}, args...)...)
	}
	var walked Meta
	if d.walk(f, &walked); d.KeyVLAN && walked.Class == ClassIP {
		walked.Key.VLAN = walked.VLAN
	}
	if walked != *m {
		bad("header by header it is %+v", walked)
	}
	if m.Time != f.Time || m.WireLen > f.WireLen || m.WireLen+m.Envelope != f.WireLen {
		bad("wire length %d + envelope %d is not the frame's", m.WireLen, m.Envelope)
	}
	if d.Decap == 0 && (m.Envelope != 0 || m.Flags&FlagDecapsulated != 0) {
		bad("decapsulated without being asked to")
	}
	if m.Envelope != 0 && m.Flags&FlagDecapsulated == 0 {
		bad("an envelope without the flag")
	}
	if (m.Class == ClassUndecoded) != (m.Reason != ReasonNone) || m.Class > ClassIP || m.Reason >= NumReasons {
		bad("class and reason contradict each other")
	}
	if m.PayloadOff > m.PayloadEnd || int(m.PayloadEnd) > len(f.Data) || m.PayloadEnd-m.PayloadOff > m.PayloadLen {
		bad("payload out of bounds")
	}
	if m.VLAN > 0x0fff {
		bad("VLAN ID")
	}
	k := m.Key
	if m.Class != ClassIP {
		if k != (Key{}) || m.PayloadEnd != 0 || m.Flags&FlagTCP != 0 || m.ICMPType != 0 || m.Dir != 0 {
			bad("details of a frame that is not IP")
		}
		return
	}
	mapped := append(make([]byte, 10), 0xff, 0xff)
	if v := k.Family & familyMask; v != FamilyIPv4 && v != FamilyIPv6 || k.Family&^(familyMask|FlagPortless) != 0 ||
		v == FamilyIPv4 && !(bytes.HasPrefix(k.Lo[:], mapped) && bytes.HasPrefix(k.Hi[:], mapped)) {
		bad("family")
	}
	order := bytes.Compare(k.Lo[:], k.Hi[:])
	if order > 0 || order == 0 && (k.LoPort > k.HiPort || k.LoPort == k.HiPort && m.Dir != DirLoHi) {
		bad("key not canonical")
	}
	hasPorts := false
	switch k.Proto {
	case protoTCP, protoUDP, protoUDPLite, protoSCTP, protoDCCP:
		hasPorts = k.HasPorts()
	}
	if k.HasPorts() != hasPorts || !hasPorts && k.LoPort|k.HiPort != 0 {
		bad("ports")
	}
	if want := m.VLAN; d.KeyVLAN && k.VLAN != want || !d.KeyVLAN && k.VLAN != 0 {
		bad("VLAN in key")
	}
	if m.Flags&FlagTCP != 0 && (k.Proto != protoTCP || !hasPorts) {
		bad("TCP fields of another protocol")
	}
	if m.ICMPType != 0 && (k.Proto != protoICMP && k.Proto != protoICMPv6 || m.PayloadEnd == m.PayloadOff) {
		bad("ICMP type")
	}
}

// checkCuts decodes f cut at every length: no address that the cut frame shows differs from those
// of the whole one, and a cut never makes IP of what is not.
func checkCuts(t testing.TB, f *Frame) {
	t.Helper()
	var d Decoder
	var whole Meta
	d.Decode(f, &whole)
	for n := range f.Data {
		checkCut(t, f, &whole, n)
	}
}

func checkCut(t testing.TB, f *Frame, whole *Meta, n int) {
	t.Helper()
	var d Decoder
	var m Meta
	cut := *f
	cut.Data = f.Data[:n:n]
	d.Decode(&cut, &m)
	checkMeta(t, &d, &cut, &m)
	same := m.Class == whole.Class
	if m.Class == ClassIP {
		same = same && m.Key.Lo == whole.Key.Lo && m.Key.Hi == whole.Key.Hi && m.Key.Is4() == whole.Key.Is4()
	}
	if m.Class != ClassUndecoded && !same {
		t.Errorf("%v %x cut to %d bytes = %+v, whole %+v", f.Link, f.Data, n, m, *whole)
	}
}

// TestDecodeRandom decodes random bytes as every link type.
func TestDecodeRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 256)
	for _, link := range knownLinks {
		for range 3000 {
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			if r.IntN(2) == 0 { // lead more frames past the first header
				copy(b[12:], [][]byte{{0x08, 0x00, 0x45}, {0x86, 0xdd, 0x60}, {0x81, 0x00}, {0x88, 0x47}, {0x88, 0x64, 0x11, 0}}[r.IntN(5)])
			}
			f := Frame{Data: b[:r.IntN(len(b)+1)], Link: link, WireLen: r.Uint32N(512)}
			d := Decoder{Decap: Decap(r.Uint32()), KeyVLAN: r.IntN(2) == 0}
			var m Meta
			d.Decode(&f, &m)
			checkMeta(t, &d, &f, &m)
			if t.Failed() {
				return
			}
		}
	}
}

// TestCutCorpus cuts frames of every capture at every length.
func TestCutCorpus(t *testing.T) {
	dir, files := corpus(t)
	for name := range files {
		frames, _ := readFrames(t, filepath.Join(dir, name))
		for i := range frames[:min(len(frames), 10)] {
			f := frames[i]
			f.Data = f.Data[:min(len(f.Data), 300)]
			f.WireLen = max(f.WireLen, uint32(len(f.Data)))
			checkCuts(t, &f)
		}
	}
}
