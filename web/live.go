package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
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
	rows := report.First[busy]{Keep: liveRows, Less: func(a, b *busy) bool {
		if a.rate != b.rate {
			return a.rate > b.rate
		}
		return a.n.ID < b.n.ID
	}}
	for i := range nets.Networks {
		n := &nets.Networks[i]
		r := rates[n.Prefix]
		rows.Add(&busy{r.total(), n})
	}
	for _, b := range page(&rows, &listing{page: 1, perPage: liveRows}) {
		tick.Networks = append(tick.Networks, s.row(b.n, rates))
	}
	return tick
}

// live sends a tick each second, and changes of alerts as they come, as server-sent events (WHATWG HTML,
// section 9.2) until the client goes or the server ends.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	row, err := lastRow(r)
	if err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
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
	send := func(events []byte) bool {
		if len(events) == 0 {
			return true
		}
		c.SetWriteDeadline(time.Now().Add(liveTimeout))
		_, err := w.Write(events)
		return err == nil && c.Flush() == nil
	}
	var more <-chan struct{} // nil without a feed
	alertsTo := func() bool {
		var events []byte
		events, row, more = s.changesAfter(r.Context(), row)
		return send(events)
	}
	if feed := s.deps.AlertFeed; feed != nil {
		if row < 0 { // a new client begins here: an ID without data only says where it stands
			_, row, _, more = feed.after(0)
			if !send(fmt.Appendf(nil, "id: %d\n\n", row)) {
				return
			}
		} else if !alertsTo() {
			return
		}
	}
	every := time.NewTicker(liveEvery)
	defer every.Stop()
	for ok := send(s.tick()); ok; {
		select {
		case <-more:
			ok = alertsTo()
		case <-every.C:
			ok = send(s.tick())
		case <-r.Context().Done():
			return
		case <-s.ending:
			return
		}
	}
}

// lastRow is the row of the last change of an alert that a client has seen, as a browser says when it comes
// again, or as the parameter says; -1 for a new client.
func lastRow(r *http.Request) (int64, error) {
	p := paramsOf(r, "last_event_id")
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = p.text("last_event_id")
	}
	if p.err != nil || text == "" {
		return -1, p.err
	}
	row, err := strconv.ParseInt(text, 10, 64)
	if err != nil || row < 0 {
		return -1, errors.New("the last event's ID is none of netmond's")
	}
	return row, nil
}
