package web

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/netmond/netmond/alerts"
)

// Bounds of the changes that are kept for clients of live events that come again, and of those that the store
// is asked for.
const (
	feedChanges = 4096
	feedBytes   = 4 << 20
	feedReplay  = 1000
)

// changeJSON is the data of the event "alert".
type changeJSON struct {
	Change string    `json:"change"`
	Alert  alertJSON `json:"alert"`
}

// missedJSON is the data of the event "missed".
type missedJSON struct {
	After int64 `json:"after"` // row after which changes may be missing
}

// An AlertFeed passes changes of alerts on to the clients of live events. The zero AlertFeed is ready.
type AlertFeed struct {
	mu      sync.Mutex // guards what follows
	begun   bool
	from    int64        // changes after this row are in changes, all of them
	last    int64        // row of the last change
	changes []feedChange // rows grow
	bytes   int
	more    chan struct{} // closed at the next change
}

type feedChange struct {
	row   int64
	event []byte
}

// Add is told of each change in its order; alerts.Config.Events may be it. It never waits.
func (f *AlertFeed) Add(e alerts.Event) {
	c := feedChange{e.Alert.RowID, alertEvent(e.Kind.String(), &e.Alert)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun {
		f.begun, f.from = true, c.row-1
	}
	f.changes = append(f.changes, c)
	f.last = c.row
	f.bytes += len(c.event)
	drop := 0
	for len(f.changes)-drop > feedChanges || f.bytes > feedBytes {
		f.from = f.changes[drop].row
		f.bytes -= len(f.changes[drop].event)
		f.changes[drop] = feedChange{}
		drop++
	}
	f.changes = f.changes[drop:]
	if f.more != nil {
		close(f.more)
		f.more = nil
	}
}

// begin says that row was the last before any change.
func (f *AlertFeed) begin(row int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun {
		f.begun, f.from, f.last = true, row, row
	}
}

// after gives the events of the changes after a row and the row of the last change; whole is false when
// some of them are not kept, or the row has not been reached: it is of another store. more is closed when
// there are others.
func (f *AlertFeed) after(row int64) (events []byte, last int64, whole bool, more <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more == nil {
		f.more = make(chan struct{})
	}
	if row < f.from || row > f.last {
		return nil, f.last, false, f.more
	}
	for i := range f.changes {
		if f.changes[i].row > row {
			events = append(events, f.changes[i].event...)
		}
	}
	return events, f.last, true, f.more
}

// alertEvent is a server-sent event; its ID is the alert's row.
func alertEvent(change string, a *alerts.Alert) []byte {
	return event("alert", a.RowID, changeJSON{change, toAlertJSON(a)})
}

// event is a server-sent event with an ID. data is what JSON can hold.
func event(name string, id int64, data any) []byte {
	body, err := json.Marshal(data)
	if err != nil { // it has nothing that cannot be marshalled
		panic(err)
	}
	return fmt.Appendf(nil, "event: %s\nid: %d\ndata: %s\n\n", name, id, body)
}

// beginFeed tells the feed which row the store begins with.
func (s *Server) beginFeed() {
	if s.deps.AlertFeed == nil || s.deps.Alerts == nil {
		return
	}
	row := int64(0)
	page, _, err := s.deps.Alerts.Find(context.Background(), "", alerts.Filter{Status: alerts.StatusAny, OrderBy: "row_id", Descending: true, PerPage: 1})
	if err == nil && len(page) == 1 { // else clients are told that they may have missed something
		row = page[0].RowID
	}
	s.deps.AlertFeed.begin(row)
}

// changesAfter gives the events that a client lacks which has seen the change of a row, and the row of the
// last change. What the feed has let go is read from the store: then an alert that was engaged and released
// is told once, as it ended.
func (s *Server) changesAfter(ctx context.Context, row int64) (events []byte, last int64, more <-chan struct{}) {
	events, last, whole, more := s.deps.AlertFeed.after(row)
	if whole {
		return events, last, more
	}
	missed := event("missed", last, missedJSON{row})
	if row > last || s.deps.Alerts == nil {
		return missed, last, more
	}
	page, total, err := s.deps.Alerts.Find(ctx, "", alerts.Filter{
		Status: alerts.StatusAny, OrderBy: "row_id", PerPage: feedReplay,
		Where: []alerts.Term{{Field: alerts.ByRowID, Op: alerts.Gt, Number: row}},
	})
	if err != nil || total > len(page) {
		return missed, last, more
	}
	for i := range page {
		a := &page[i]
		if a.RowID > last {
			break // the feed has it
		}
		events = append(events, alertEvent(changeOf(a), a)...)
	}
	if !s.reaches(ctx, row) {
		events = append(events, missed...)
	}
	return events, last, more
}

// changeOf is the change that an alert of the store ended with; one that began and ended at once counts as
// stored.
func changeOf(a *alerts.Alert) string {
	switch {
	case a.Status == alerts.StatusEngaged:
		return alerts.Engaged.String()
	case a.End > a.Time:
		return alerts.Released.String()
	}
	return alerts.Recorded.String()
}

// reaches reports whether the store has a past alert of the row or before it. The oldest ones go first, so
// then none of those after it have gone.
func (s *Server) reaches(ctx context.Context, row int64) bool {
	for _, status := range []alerts.Status{alerts.StatusHistorical, alerts.StatusAcknowledged} {
		_, total, err := s.deps.Alerts.Find(ctx, "", alerts.Filter{
			Status: status, PerPage: 1, OrderBy: "row_id", Where: []alerts.Term{{Field: alerts.ByRowID, Op: alerts.Lte, Number: row}},
		})
		if err == nil && total > 0 {
			return true
		}
	}
	return false
}
