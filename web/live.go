package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
)

const (
	maxLive     = 64 // clients of /api/v1/live at a time
	liveEvery   = time.Second
	liveTimeout = 10 * time.Second // to take one event
	liveRows    = 50
)

// tickJSON is what happens now.
type tickJSON struct {
	Time     *string      `json:"time"`
	Totals   totalsJSON   `json:"totals"`
	Networks []networkRow `json:"networks"` // the busiest ones
}

// totalsJSON are rates over the last seconds, bytes a second where not said otherwise, and what there
// is now.
type totalsJSON struct {
	Bytes         float64           `json:"bytes_rate"`
	Packets       float64           `json:"packets_rate"`
	Inbound       float64           `json:"inbound_rate"`
	Outbound      float64           `json:"outbound_rate"`
	Internal      float64           `json:"internal_rate"`
	Transit       float64           `json:"transit_rate"`
	Encapsulation float64           `json:"encapsulation_rate"`
	NonIP         float64           `json:"non_ip_rate"`
	Undecoded     float64           `json:"undecoded_rate"`
	LostRate      float64           `json:"lost_packets_rate"`
	Lost          uint64            `json:"lost_packets"`
	LostByCause   map[string]uint64 `json:"lost_by_cause"` // causes that occurred
	CapturedBytes uint64            `json:"bytes"`
	Captured      uint64            `json:"packets"`
	Flows         int               `json:"flows"`
	Hosts         int               `json:"hosts"`
	EngagedAlerts int               `json:"engaged_alerts"`
}

// A ticker makes the tick of each second once, whatever the number of clients.
type ticker struct {
	mu   sync.Mutex // guards what follows
	made time.Time
	body []byte
}

// tick is the event of this second.
func (s *Server) tick() []byte {
	t := &s.ticks
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.body == nil || now.Sub(t.made) >= liveEvery*9/10 {
		body, err := json.Marshal(s.makeTick())
		if err != nil { // it has nothing that cannot be marshalled
			panic(err)
		}
		t.made, t.body = now, bytes.Join([][]byte{[]byte("event: tick\ndata: "), body, []byte("\n\n")}, nil)
	}
	return t.body
}

func (s *Server) makeTick() *tickJSON {
	snap := s.deps.Snapshot()
	nets := snap.Nets
	tick := &tickJSON{Time: capturedAt(nets), Networks: []networkRow{}}
	tick.Totals = totalsJSON{
		CapturedBytes: snap.Capture.Bytes, Captured: snap.Capture.Packets, Flows: snap.Table.Entries, Hosts: nets.Hosts,
		LostByCause: map[string]uint64{},
	}
	if s.deps.Status != nil {
		lost := s.deps.Status().Lost
		tick.Totals.Lost = lost.Packets
		for cause, n := range lost.ByCause {
			if n > 0 {
				tick.Totals.LostByCause[cause] = n
			}
		}
	}
	if s.deps.Alerts != nil {
		for _, bySeverity := range s.deps.Alerts.Stats().Engaged {
			for _, n := range bySeverity {
				tick.Totals.EngagedAlerts += n
			}
		}
	}
	rates := map[netip.Prefix]ratesJSON{} // of those that are not idle
	if s.deps.History != nil {
		s.deps.History.Rates(func(network netip.Prefix, v *[history.NumFields]float64) {
			if network.IsValid() {
				note(rates, network, v)
				return
			}
			t := &tick.Totals
			t.Bytes, t.Packets = v[history.TotalBytes], v[history.TotalPackets]
			t.Inbound, t.Outbound, t.Internal = v[history.InboundBytes], v[history.OutboundBytes], v[history.InternalBytes]
			t.Transit, t.Encapsulation = v[history.TransitBytes], v[history.EncapsulationBytes]
			t.NonIP, t.Undecoded, t.LostRate = v[history.NonIPBytes], v[history.UndecodedBytes], v[history.LostPackets]
		})
	}
	type busy struct {
		rate float64
		n    *localnets.NetworkStats
	}
	rows := top[busy]{keep: liveRows, less: func(a, b *busy) bool {
		if a.rate != b.rate {
			return a.rate > b.rate
		}
		return a.n.ID < b.n.ID
	}}
	for i := range nets.Networks {
		n := &nets.Networks[i]
		r := rates[n.Prefix]
		rows.add(&busy{r.total(), n})
	}
	for _, b := range rows.page(&listing{page: 1, perPage: liveRows}) {
		tick.Networks = append(tick.Networks, s.row(b.n, rates))
	}
	return tick
}

// live sends a tick each second as server-sent events (WHATWG HTML, section 9.2) until the client goes
// or the server ends.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	select {
	case s.lives <- struct{}{}:
		defer func() { <-s.lives }()
	default:
		w.Header().Set("Retry-After", "5")
		writeProblem(w, http.StatusServiceUnavailable, fmt.Sprintf("There are %d clients of live events already.", maxLive))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Time{}) // an error means that the connection has ended, which the first write tells
	every := time.NewTicker(liveEvery)
	defer every.Stop()
	for {
		c.SetWriteDeadline(time.Now().Add(liveTimeout))
		if _, err := w.Write(s.tick()); err != nil {
			return
		}
		if c.Flush() != nil {
			return
		}
		select {
		case <-every.C:
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		}
	}
}
