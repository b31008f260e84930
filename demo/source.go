package demo

import (
	"cmp"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/netmond/netmond/packet"
)

const second = int64(time.Second)

// mostSessions bounds what goes on at once. A working day has about 150.
const mostSessions = 4096

// A Source makes the office's frames, in order of time, a second in each block. One goroutine at a time.
type Source struct {
	rand     *rand.Rand
	now, end int64 // beginning of the next block and of what is never made, ns since the Unix epoch
	wire     wire
	sessions []session
	events   []Event
	seq      uint16 // of echo requests
	flooded  uint32 // SYNs of the flood so far
}

// New makes a source that has not begun.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Source{
		rand: rand.New(rand.NewPCG(cfg.Seed, 0x6e65746d6f6e64)), events: Events(),
		now: cfg.Start.Truncate(time.Second).UnixNano(), end: math.MaxInt64,
	}
	if cfg.Duration > 0 {
		s.end = s.now + int64(cfg.Duration)
	}
	return s, nil
}

// ReadBlock replaces b.Frames by those of the next second that has any; they are valid until the next
// call. io.EOF ends the traffic.
func (s *Source) ReadBlock(b *packet.Block) error {
	s.wire.reset()
	for len(s.wire.frames) == 0 {
		if s.now >= s.end {
			return io.EOF
		}
		s.makeSecond()
		s.now += second
	}
	slices.SortStableFunc(s.wire.frames, func(a, b packet.Frame) int { return cmp.Compare(a.Time, b.Time) })
	b.Frames = s.wire.frames
	return nil
}

// makeSecond adds the frames of the second that begins now.
func (s *Source) makeSecond() {
	t := time.Unix(0, s.now).UTC()
	lossy := 0.
	for i := range s.events {
		if e := &s.events[i]; e.under(t) {
			if e.kind == kindLoss {
				lossy = lossShare
			}
			s.event(e)
		}
	}
	for i := range profiles {
		for range s.draw(profiles[i].perSecond * profiles[i].curve.at(t)) {
			s.start(&profiles[i], lossy)
		}
	}
	s.chatter(t)
	kept := s.sessions[:0]
	for i := range s.sessions {
		if s.sessions[i].play(&s.wire, s.rand, s.now+second) {
			kept = append(kept, s.sessions[i])
		}
	}
	s.sessions = kept
}

// draw is how often something happens in a second when it does so mean times on average (Poisson).
func (s *Source) draw(mean float64) int {
	n, p, limit := 0, s.rand.Float64(), math.Exp(-mean)
	for p > limit {
		p *= s.rand.Float64()
		n++
	}
	return n
}

// moment is a time within the present second.
func (s *Source) moment() int64 { return s.now + s.rand.Int64N(second) }

// start begins a session of p.
func (s *Source) start(p *profile, lossy float64) {
	if len(s.sessions) == mostSessions {
		return
	}
	one := p.begin(s.rand, s.moment())
	if lab.contains(&one.ends[0]) {
		one.lossy = lossy
	}
	one.backup = p == &backupProfile
	s.sessions = append(s.sessions, one)
}

// contains reports whether h is one of the subnet's hosts.
func (s *subnet) contains(h *host) bool {
	for i := range s.count {
		if s.host(i).addr == h.addr {
			return true
		}
	}
	return false
}

// chatter is what machines say unasked: ARP, NTP, echoes, multicast DNS.
func (s *Source) chatter(t time.Time) {
	always, r := alwaysCurve.at(t), s.rand
	for range s.draw(1.5 * always) {
		h := desks.any(r)
		s.wire.arp(s.moment(), &h, &fileServer)
	}
	for range s.draw(.3 * always) {
		h, at := desks.any(r), s.moment()
		s.wire.udp(at, &h, &timeServer, 123, 123, ntpAsk, len(ntpAsk))
		s.wire.udp(min(at+int64(far), s.now+second-1), &timeServer, &h, 123, 123, ntpAnswer, len(ntpAnswer))
	}
	for range s.draw(.5) {
		h, at := lab.any(r), s.moment()
		s.seq++
		s.wire.echo(at, &h, &webServer, false, s.seq)
		s.wire.echo(min(at+int64(near), s.now+second-1), &webServer, &h, true, s.seq)
	}
	for range s.draw(.2 * always) {
		h := desks.any(r)
		s.wire.udp(s.moment(), &h, &bonjour, 5353, 5353, mdnsAsk, len(mdnsAsk))
	}
}
