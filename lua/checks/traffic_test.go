package checks_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/netmond/netmond/internal/pcaptest"
)

// The networks of all test captures.
const networks = "192.0.2.0/25=office,192.0.2.128/25=servers,198.51.100.0/28=guests"

// captureStart is the begin of minute 0: checks first run a minute later.
var captureStart = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// A traffic is a capture that grows. Times are since captureStart.
type traffic struct{ packets []pcaptest.Packet }

const minute = time.Minute

func (w *traffic) add(at time.Duration, frame []byte) {
	w.packets = append(w.packets, pcaptest.Packet{Time: captureStart.Add(at).UnixNano(), Data: frame})
}

func (w *traffic) pcap() []byte {
	slices.SortStableFunc(w.packets, func(a, b pcaptest.Packet) int { return int(a.Time - b.Time) })
	return pcaptest.Pcap(w.packets...)
}

// murmur is a frame of 142 bytes from the office every 20 s of the minutes from first to last.
func (w *traffic) murmur(first, last int) {
	for m := first; m <= last; m++ {
		for i := range 3 {
			w.udp(m, time.Duration(1+20*i)*time.Second, 0, 1, 100, "192.0.2.10:5000", "203.0.113.5:5000")
		}
	}
}

// udp is n datagrams, every apart, each with size bytes of payload (42 more on the wire).
func (w *traffic) udp(m int, at, every time.Duration, n, size int, src, dst string) {
	frame := pcaptest.UDP(src, dst, make([]byte, size))
	for i := range n {
		w.add(time.Duration(m)*minute+at+time.Duration(i)*every, frame)
	}
}

// volume sends about n bytes in minute m, in frames of 1,000 bytes on the wire.
func (w *traffic) volume(m, n int, src, dst string) {
	w.udp(m, 5*time.Second, 40*time.Second/time.Duration(n/1000), n/1000, 958, src+":6000", dst+":6001")
}

// syns is n SYNs from one outside host in minute m, every apart, each answered with flags.
func (w *traffic) syns(m int, every time.Duration, n int, answer string) {
	for i := range n {
		at := time.Duration(m)*minute + 5*time.Second + time.Duration(i)*every
		src, dst := fmt.Sprintf("203.0.113.66:%d", 10000+m*1000+i), "192.0.2.130:443"
		w.add(at, pcaptest.TCP(src, dst, pcaptest.Segment{Flags: "S", Seq: 1}))
		w.add(at+time.Microsecond, pcaptest.TCP(dst, src, pcaptest.Segment{Flags: answer, Seq: 9, Ack: 2}))
	}
}

// handshakes is n connections of minute m from the office to outside, whose client's part of the round
// trip takes rtt.
func (w *traffic) handshakes(m, n int, rtt time.Duration) {
	for i := range n {
		at := time.Duration(m)*minute + time.Duration(5+5*i)*time.Second
		src, dst := fmt.Sprintf("192.0.2.20:%d", 20000+m*100+i), "203.0.113.5:443"
		w.add(at, pcaptest.TCP(src, dst, pcaptest.Segment{Flags: "S", Seq: 1}))
		w.add(at+time.Millisecond, pcaptest.TCP(dst, src, pcaptest.Segment{Flags: "SA", Seq: 9, Ack: 2}))
		w.add(at+time.Millisecond+rtt, pcaptest.TCP(src, dst, pcaptest.Segment{Flags: "A", Seq: 2, Ack: 10}))
	}
}

// A stream is one TCP connection from the office that goes on through the minutes.
type stream struct {
	*traffic
	seq uint32
}

const segment = 100 // bytes of payload

func (s *stream) send(at time.Duration, seq uint32) {
	s.add(at, pcaptest.TCP("192.0.2.30:40000", "203.0.113.5:80", pcaptest.Segment{Flags: "A", Seq: seq, Ack: 1, Payload: make([]byte, segment)}))
}

// segments is n segments of minute m in groups of ten, of which the last few are sent again, come in
// the wrong order, or are left out.
func (s *stream) segments(m, n, again, swapped, missing int) {
	for g := range n / 10 {
		at := time.Duration(m)*minute + 2*time.Second + time.Duration(g)*400*time.Millisecond
		base := s.seq
		order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
		for i := range swapped {
			order[2*i+1], order[2*i+2] = order[2*i+2], order[2*i+1]
		}
		order = slices.DeleteFunc(order, func(i int) bool { return i > 0 && i <= missing })
		for i, k := range order {
			s.send(at+time.Duration(i)*100*time.Microsecond, base+uint32(k*segment))
		}
		for i := range again {
			s.send(at+100*time.Millisecond+time.Duration(i)*time.Millisecond, base+uint32(i*segment))
		}
		s.seq = base + 10*segment
	}
}
