package filter_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/packet"
)

// Match does what the machine of x/net/bpf does.
func TestMatchAgreesWithTheReferenceMachine(t *testing.T) {
	frames := builtFrames(packet.LinkEthernet)
	for _, expr := range everyLink {
		p, err := compile(expr, filter.Target{Link: packet.LinkEthernet})
		if err != nil || strings.Contains(expr, "len") || strings.Contains(expr, "less") || strings.Contains(expr, "greater") {
			continue // that machine takes the captured length for the wire length
		}
		insns, ok := bpf.Disassemble(p.Instructions())
		if !ok {
			t.Errorf("%q: an instruction is not known", expr)
			continue
		}
		vm, err := bpf.NewVM(insns)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		for i := 0; i < len(frames); i += 3 {
			f := &frames[i]
			n, err := vm.Run(f.Data)
			if err != nil {
				t.Fatalf("%q: %v", expr, err)
			}
			if got := p.Match(f); got != (n != 0) {
				t.Errorf("%q on % x: got %v, want %v", expr, f.Data, got, n != 0)
				break
			}
		}
	}
}

func TestSnaplen(t *testing.T) {
	for _, tt := range []struct{ snaplen, want uint32 }{{0, math.MaxUint32}, {96, 96}} {
		p, err := compile("ip", filter.Target{Link: packet.LinkEthernet, Snaplen: tt.snaplen})
		if err != nil {
			t.Fatal(err)
		}
		insns := p.Instructions()
		if got := insns[len(insns)-2]; got.Op != 6 || got.K != tt.want {
			t.Errorf("snap length %d: got %+v, want a return of %d", tt.snaplen, got, tt.want)
		}
	}
}

// Programs longer than a jump of 8 bits reaches, up to the kernel's limit.
func TestLongPrograms(t *testing.T) {
	hosts := func(n int, first, join string) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("%s 10.%d.%d.%d", first, i>>16, i>>8&255, i&255))
		}
		return strings.Join(list, join)
	}
	frame := func(src, dst uint32) *packet.Frame {
		data := cat(mac1, mac2, uint16(0x0800), ip4(17, 0, nil, cat(src), cat(dst), udp(1, 2, nil)))
		return &packet.Frame{Data: data, WireLen: uint32(len(data)), Link: packet.LinkEthernet}
	}
	const other, base = 0xc0000201, 10 << 24
	for _, tt := range []struct {
		expr string
		n    int
		neg  bool
	}{
		{hosts(600, "src host", " or "), 600, false},
		{hosts(1500, "ip src host", " or "), 1500, false},
		{hosts(700, "not ip src host", " and "), 700, true},
		{hosts(1200, "ip src host", " or ") + " and udp", 1200, false},
	} {
		p, err := compile(tt.expr, filter.Target{Link: packet.LinkEthernet})
		if err != nil {
			t.Errorf("%.40s...: %v", tt.expr, err)
			continue
		}
		t.Logf("%d hosts: %d instructions", tt.n, p.Len())
		for i := range tt.n {
			if p.Match(frame(base+uint32(i), other)) == tt.neg {
				t.Errorf("%.40s...: host %d is not decided right", tt.expr, i)
				break
			}
		}
		for _, src := range []uint32{base + uint32(tt.n), other, 0} {
			if p.Match(frame(src, base)) != tt.neg {
				t.Errorf("%.40s...: %08x is not decided right", tt.expr, src)
			}
		}
	}
	if _, err := compile(hosts(5000, "host", " or "), filter.Target{Link: packet.LinkEthernet}); err == nil || !strings.Contains(err.Error(), "4096") {
		t.Errorf("5,000 hosts: got %v, want a refusal that names the kernel's limit", err)
	}
}

// A live program on a frame whose tag the kernel took off gives the verdict of the file program on the
// frame as it was on the wire.
func TestLiveAgreesWithFile(t *testing.T) {
	frames := builtFrames(packet.LinkEthernet)
	tagged := 0
	for _, expr := range append([]string{
		"ether[12:2] = 0x8100", "ether[14:2] & 0xfff = 7", "ether[13] = 0", "ether[12:4] = 0x81002007", "ether[11:2] = 0x181",
		"ether[15:2] = 0x708", "ether[16:2] = 0x800", "ether[10:4] = 0x53018100", "ether[15] = 7",
	}, everyLink...) {
		file, fileErr := compile(expr, filter.Target{Link: packet.LinkEthernet})
		live, liveErr := compile(expr, filter.Target{Link: packet.LinkEthernet, Live: true})
		if fileErr != nil || strings.Contains(expr, "[len") || strings.Contains(expr, "1 + tcp") {
			continue // an index that is computed from the frame's beginning; nonsense
		}
		if liveErr != nil {
			t.Errorf("%q: live: %v", expr, liveErr)
			continue
		}
		for i := range frames {
			f := &frames[i]
			stripped := *f
			if d := f.Data; len(d) >= 18 && d[12] == 0x81 && d[13] == 0 || len(d) >= 18 && d[12] == 0x88 && d[13] == 0xa8 {
				stripped.VLANTPID = uint16(d[12])<<8 | uint16(d[13])
				stripped.VLANTCI = uint16(d[14])<<8 | uint16(d[15])
				stripped.Data = cat(d[:12], d[16:])
				tagged++
			}
			if want, got := file.Match(f), live.Match(&stripped); got != want {
				t.Errorf("%q on % x: live %v, file %v", expr, f.Data, got, want)
				break
			}
		}
	}
	if tagged == 0 {
		t.Error("no frame had a tag to take off")
	}
}

func TestParseDump(t *testing.T) {
	const tcp = "4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n"
	p, err := filter.ParseDump(tcp)
	if err != nil {
		t.Fatal(err)
	}
	ip := cat(mac1, mac2, uint16(0x0800), make([]byte, 20))
	if !p.Match(&packet.Frame{Data: ip, WireLen: 34}) || p.Match(&packet.Frame{Data: ip[:13], WireLen: 34}) {
		t.Error("the program does not do what it says")
	}
	for _, tt := range []struct{ text, want string }{
		{"", "empty"},
		{"0\n", "the program is empty"},
		{"tcp port 80", "is no number of instructions"},
		{"2\n6 0 0 0\n", "2 instructions are announced and 1 follow"},
		{"5000\n" + strings.Repeat("6 0 0 0\n", 5000), "the kernel takes 4096"},
		{"1\n6 0 0\n", "instruction 0: 3 numbers, not 4"},
		{"1\n6 0 300 0\n", `"300" is no number of 8 bits`},
		{"1\n6 0 0 99999999999\n", "is no number of 32 bits"},
		{"1\n999 0 0 0\n", "unknown code"},
		{"1\n40 0 0 12\n", "the last one must return"},
		{"2\n21 1 0 5\n6 0 0 0\n", "instruction 0: jump past the end"},
		{"2\n5 0 0 1\n6 0 0 0\n", "instruction 0: jump past the end"},
		{"2\n96 0 0 16\n6 0 0 0\n", "memory has 16 cells"},
		{"2\n96 0 0 3\n6 0 0 0\n", "memory cell 3 is not set"},
		{"5\n21 0 1 1\n2 0 0 3\n96 0 0 3\n6 0 0 0\n6 0 0 1\n", "memory cell 3 is not set"},
		{"2\n52 0 0 0\n6 0 0 0\n", "division by zero"},
		{"2\n148 0 0 0\n6 0 0 0\n", "division by zero"},
		{"2\n100 0 0 32\n6 0 0 0\n", "shift by 32 bits"},
		{"2\n40 0 0 4294967290\n6 0 0 0\n", "no data at"},
	} {
		if _, err := filter.ParseDump(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.30q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	p, err := compile("tcp port 80 or vlan and host 192.0.2.1", filter.Target{Link: packet.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	frames := builtFrames(packet.LinkEthernet)[:200]
	if n := testing.AllocsPerRun(20, func() {
		for i := range frames {
			p.Match(&frames[i])
		}
	}); n != 0 {
		t.Errorf("%v allocations for 200 frames", n)
	}
}

func FuzzCompile(f *testing.F) {
	for i, expr := range everyLink {
		f.Add(expr, uint16(tcpdumpLinks[i%len(tcpdumpLinks)].link), i%2 == 0, []byte(expr))
	}
	for _, r := range refusals {
		f.Add(r.expr, uint16(1), true, []byte{})
	}
	f.Fuzz(func(t *testing.T, expr string, link uint16, live bool, data []byte) {
		e, err := filter.Parse(expr)
		if err != nil {
			checkFault(t, expr, err)
			return
		}
		p, err := e.Compile(filter.Target{Link: packet.LinkType(link), Live: live})
		if err != nil {
			checkFault(t, expr, err)
			return
		}
		// As the kernel checks it: ParseDump does.
		var dump strings.Builder
		fmt.Fprintln(&dump, p.Len())
		for _, ins := range p.Instructions() {
			fmt.Fprintln(&dump, ins.Op, ins.Jt, ins.Jf, ins.K)
		}
		again, err := filter.ParseDump(dump.String())
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		frame := packet.Frame{Data: data, WireLen: uint32(len(data)), Link: packet.LinkType(link)}
		if p.Match(&frame) != again.Match(&frame) {
			t.Fatalf("%q: the program read back decides otherwise", expr)
		}
	})
}

func checkFault(t *testing.T, expr string, err error) {
	t.Helper()
	fault, ok := err.(*filter.Error)
	if !ok {
		t.Fatalf("%q: error of type %T: %v", expr, err, err)
	}
	if fault.Column < 1 || fault.Column > len(expr)+1 {
		t.Fatalf("%q: column %d", expr, fault.Column)
	}
	fault.Excerpt()
}

func BenchmarkMatch(b *testing.B) {
	frames := builtFrames(packet.LinkEthernet)
	var whole []packet.Frame
	for _, f := range frames {
		if len(f.Data) == int(f.WireLen) {
			whole = append(whole, f)
		}
	}
	for _, expr := range []string{"ip", "tcp port 443", "host 192.0.2.1 and (port 80 or port 443)", "vlan and tcp[13] & 2 != 0"} {
		p, err := compile(expr, filter.Target{Link: packet.LinkEthernet})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(expr, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				p.Match(&whole[i])
				if i++; i == len(whole) {
					i = 0
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, expr := range []string{"ip", "host 192.0.2.1 and (port 80 or port 443) and not src net 192.0.2.128/25"} {
		b.Run(strings.ReplaceAll(expr, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compile(expr, filter.Target{Link: packet.LinkEthernet}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
