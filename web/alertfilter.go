package web

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/web/query"
)

// filterAlerts adds a filter of the common language to f. Its error is for the client.
func (s *Server) filterAlerts(network *string, f *alerts.Filter, text string) error {
	// Alerts are of networks by CIDR: their IDs may be of an earlier list. IDs here are of those named.
	ids := map[string]int32{}
	q, err := query.Parse(query.Alerts, text, func(name string) (int32, bool) {
		cidr, ok := s.deps.Network(name)
		if !ok {
			return 0, false
		}
		if _, seen := ids[cidr]; !seen {
			ids[cidr] = int32(len(ids))
		}
		return ids[cidr], true
	})
	if err != nil {
		return err
	}
	for _, t := range q.Required() {
		s.narrowAlerts(network, f, t)
	}
	record := query.Record{Ends: make([]query.End, 2), Texts: make([]string, 5)}
	now := time.Now().Unix()
	if s.deps.Snapshot != nil {
		if t := s.deps.Snapshot().Nets.Time; t != 0 { // of the capture, as everywhere
			now = t / int64(time.Second)
		}
	}
	f.Match = func(a *alerts.Alert) bool {
		alertRecord(&record, a, ids, now)
		return q.Match(&record)
	}
	return nil
}

// scoreOps are the comparisons of scores that a store can make.
var scoreOps = map[string]alerts.Operator{">": alerts.Gt, ">=": alerts.Gte, "<": alerts.Lt, "<=": alerts.Lte}

// narrowAlerts has the store look at less where a term must hold and the store has a column for it.
func (s *Server) narrowAlerts(network *string, f *alerts.Filter, t query.Term) {
	equal := t.Op == ":" || t.Op == "="
	switch {
	case t.Key == "net" && equal && *network == "":
		if cidr, ok := s.deps.Network(t.Value); ok {
			*network = cidr
		}
	case t.Key == "status" && equal && f.Status == alerts.StatusAny:
		f.Status, _ = alerts.ParseStatus(t.Value) // the parser has checked it
	case t.Key == "severity" && equal && f.Severity == nil:
		if severity, ok := alerts.ParseSeverity(strings.ToLower(t.Value)); ok {
			f.Severity = &severity
		}
	case t.Key == "score":
		op, ok := scoreOps[t.Op]
		if n, err := strconv.ParseInt(t.Value, 10, 64); ok && err == nil && len(f.Where) < 32 {
			f.Where = append(f.Where, alerts.Term{Field: alerts.ByScore, Op: op, Number: n})
		}
	}
}

// alertRecord fills r, whose Ends have two places and Texts five, from a. The first end is its network, the
// second the address that the check names.
func alertRecord(r *query.Record, a *alerts.Alert, ids map[string]int32, now int64) {
	id, named := ids[a.Network]
	if !named {
		id = query.NoNetwork
	}
	r.Ends[0], r.Ends[1] = query.End{Network: id}, query.End{Network: id, Port: uint16(a.Port)}
	if p, err := netip.ParsePrefix(a.Network); err == nil {
		r.Ends[0].Addr = p.Addr()
	}
	if addr, err := netip.ParseAddr(a.IP); err == nil {
		r.Ends[1].Addr = addr.Unmap()
	}
	r.Name, r.Check, r.Severity, r.Status = a.NetworkName, a.Check, a.Severity().String(), a.Status.String()
	r.Texts[0], r.Texts[1], r.Texts[2], r.Texts[3], r.Texts[4] = a.Description, a.Subtype, a.Network, a.Name, a.Label
	end := a.End
	if a.Status == alerts.StatusEngaged {
		end = now
	}
	r.Numbers[query.Score] = float64(a.Score)
	r.Numbers[query.Age], r.Numbers[query.Duration] = float64(now-a.Time), float64(max(end-a.Time, 0))
}
