package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/netmond/netmond/alerts"
)

// Alerts is where the alerts' API finds and changes them; an alerts.Keeper is one.
type Alerts interface {
	Find(ctx context.Context, network string, f alerts.Filter) (page []alerts.Alert, total int, err error)
	Acknowledge(network string, f alerts.Filter, label string) (int, error)
	Delete(network string, f alerts.Filter) (int, error)
	Stats() alerts.Stats
}

// Bounds of the alerts' API.
const (
	defaultPerPage = 100
	maxPerPage     = 1000
	maxAlertBody   = 64 << 10
)

// alertJSON is an alert as the API shows it.
type alertJSON struct {
	RowID       int64           `json:"row_id"`
	Status      string          `json:"status"`
	Network     string          `json:"network"`
	NetworkName string          `json:"network_name"`
	Alias       string          `json:"network_alias"` // of now, or empty
	NetworkID   int32           `json:"network_id"`
	Check       string          `json:"check"`
	AlertID     int             `json:"alert_id"`
	Subtype     string          `json:"subtype"`
	Key         string          `json:"key"`
	Periodicity string          `json:"periodicity"`
	Category    int             `json:"category"`
	Severity    string          `json:"severity"`
	Score       int             `json:"score"`
	Time        string          `json:"time"`
	End         *string         `json:"end"`
	Description string          `json:"description"`
	Details     json.RawMessage `json:"details"`
	IP          string          `json:"ip"`
	Name        string          `json:"name"`
	Port        int             `json:"port"`
	Counter     int64           `json:"counter"`
	Label       string          `json:"label"`
	LabelTime   *string         `json:"label_time"`
}

// alertsJSON is the answer of /api/v1/alerts.
type alertsJSON struct {
	Total   int         `json:"total"`
	Page    int         `json:"page"`
	PerPage int         `json:"per_page"`
	Alerts  []alertJSON `json:"alerts"`
	Store   storeJSON   `json:"store"`
}

// storeJSON says whether alerts are kept as they should be.
type storeJSON struct {
	Failing   bool    `json:"failing"`
	Queued    int     `json:"queued"`
	LastError string  `json:"last_error"`
	ErrorTime *string `json:"last_error_time"`
}

// seconds is a time (s since the Unix epoch) as RFC 3339; nil for 0, which means none.
func seconds(t int64) *string {
	if t == 0 {
		return nil
	}
	s := time.Unix(t, 0).UTC().Format(time.RFC3339)
	return &s
}

func toAlertJSON(a *alerts.Alert) alertJSON {
	j := alertJSON{
		RowID: a.RowID, Status: a.Status.String(), Network: a.Network, NetworkName: a.NetworkName, NetworkID: a.NetworkID,
		Check: a.Check, AlertID: a.ID, Subtype: a.Subtype, Key: a.Key.Key, Periodicity: a.Periodicity.String(),
		Category: a.Category, Severity: a.Severity().String(), Score: a.Score,
		Time: time.Unix(a.Time, 0).UTC().Format(time.RFC3339), End: seconds(a.End),
		Description: a.Description, IP: a.IP, Name: a.Name, Port: a.Port, Counter: a.Counter,
		Label: a.Label, LabelTime: seconds(a.LabelTime),
	}
	// A script may give any text for JSON.
	if details := json.RawMessage(a.JSON); json.Valid(details) {
		j.Details = details
	} else {
		j.Details, _ = json.Marshal(a.JSON) // a string can always be marshalled
	}
	return j
}

// alertTerms are the parameters of ntopng's form, "value;operator" with commas between.
var alertTerms = map[string]alerts.Field{
	"alert_id": alerts.ByID, "category": alerts.ByCategory, "severity": alerts.BySeverity, "score": alerts.ByScore,
	"network_name": alerts.ByNetworkName, "subtype": alerts.BySubtype, "check": alerts.ByCheck,
}

// alertQuery reads the parameters of a request. Errors are for the client.
func (s *Server) alertQuery(r *http.Request) (network string, f alerts.Filter, err error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return "", f, err
	}
	f.Status, f.OrderBy, f.Descending = alerts.StatusAny, "time", true
	for name, values := range q {
		if len(values) != 1 {
			return "", f, fmt.Errorf("parameter %s is given %d times", name, len(values))
		}
		value, ok := values[0], true
		switch name {
		case "network":
			if network, ok = s.deps.Network(value); !ok {
				err = errors.New("it is no local network's CIDR, alias or name")
			}
		case "status":
			if f.Status, ok = alerts.ParseStatus(value); !ok {
				err = errors.New("want engaged, historical, acknowledged or any")
			}
		case "begin":
			f.Begin, err = parseTime(value)
		case "end":
			f.End, err = parseTime(value)
		case "text":
			f.Text = value
		case "filter": // below
		case "row_id":
			var terms []alerts.Term
			terms, err = alerts.ParseTerms(alerts.ByRowID, value)
			for _, t := range terms {
				f.RowIDs = append(f.RowIDs, t.Number)
				if t.Op != alerts.Eq {
					err = errors.New("want numbers with commas between")
				}
			}
		case "page":
			f.Page, err = parseNumber(value, 1<<30)
		case "per_page":
			f.PerPage, err = parseNumber(value, maxPerPage)
		case "order_by":
			if f.OrderBy = value; !alerts.ParseOrder(value) {
				err = errors.New("want time, tstamp_end, score, severity, alert_id, subtype, name or row_id")
			}
		case "order":
			if f.Descending = value == "desc"; !f.Descending && value != "asc" {
				err = errors.New("want asc or desc")
			}
		default:
			field, known := alertTerms[name]
			if !known {
				return "", f, fmt.Errorf("there is no parameter %.40q", name)
			}
			var terms []alerts.Term
			terms, err = alerts.ParseTerms(field, value)
			f.Where = append(f.Where, terms...)
		}
		if err != nil {
			return "", f, fmt.Errorf("parameter %s: %w", name, err)
		}
	}
	if q.Has("filter") {
		if err := s.filterAlerts(&network, &f, q.Get("filter")); err != nil {
			return "", f, fmt.Errorf("parameter filter: %w", err)
		}
	}
	return network, f, f.Validate()
}

// parseTime reads seconds since the Unix epoch or RFC 3339.
func parseTime(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errors.New("want seconds since 1970 or RFC 3339")
	}
	return t.Unix(), nil
}

func parseNumber(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("want a number from 1 to %d", most)
	}
	return n, nil
}

// alerts lists alerts.
func (s *Server) alerts(w http.ResponseWriter, r *http.Request) {
	network, f, err := s.alertQuery(r)
	if (&params{err: err}).badRequest(w) {
		return
	}
	f.Page = max(f.Page, 1)
	if f.PerPage == 0 {
		f.PerPage = defaultPerPage
	}
	page, total, err := s.deps.Alerts.Find(r.Context(), network, f)
	if err != nil {
		s.alertProblem(w, err)
		return
	}
	st := s.deps.Alerts.Stats()
	answer := alertsJSON{
		Total: total, Page: f.Page, PerPage: f.PerPage, Alerts: make([]alertJSON, len(page)),
		Store: storeJSON{Failing: st.Failing, Queued: st.Queued, LastError: st.LastError, ErrorTime: seconds(st.LastErrorAt)},
	}
	for i := range page {
		answer.Alerts[i] = toAlertJSON(&page[i])
		if s.deps.Snapshot != nil {
			if n := s.deps.Snapshot().Nets.LookupName(page[i].Network); n != nil {
				answer.Alerts[i].Alias = n.Alias
			}
		}
	}
	s.writeJSON(w, r, answer)
}

// alertProblem answers what the store said.
func (s *Server) alertProblem(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, alerts.ErrInvalid), errors.Is(err, alerts.ErrTooLarge):
		writeProblem(w, http.StatusBadRequest, err.Error())
	default:
		s.deps.Log.Warn("alerts cannot be read or changed", "error", err)
		writeProblem(w, http.StatusServiceUnavailable, "The alert store fails; netmond's log and metrics say why.")
	}
}

// A pastSelection is the body of a request that changes past alerts: some of them by row_ids, or all
// that the filter of the URL's parameters selects where all is true.
type pastSelection struct {
	RowIDs []int64 `json:"row_ids"`
	All    bool    `json:"all"`
	Label  string  `json:"label"`
}

// changeAlerts reads a selection and applies change to it.
func (s *Server) changeAlerts(w http.ResponseWriter, r *http.Request, change func(network string, f alerts.Filter, label string) (int, error)) {
	network, f, err := s.alertQuery(r)
	if (&params{err: err}).badRequest(w) {
		return
	}
	var sel pastSelection
	if !readJSON(w, r, &sel) {
		return
	}
	f.RowIDs = append(f.RowIDs, sel.RowIDs...)
	if len(f.RowIDs) == 0 && !sel.All {
		writeProblem(w, http.StatusBadRequest, "Name row_ids, or set all to true for all past alerts that the URL's parameters select.")
		return
	}
	f.Page, f.PerPage = 0, 0
	n, err := change(network, f, sel.Label)
	if err != nil {
		s.alertProblem(w, err)
		return
	}
	s.writeJSON(w, r, map[string]int{"changed": n})
}

func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request) {
	s.changeAlerts(w, r, s.deps.Alerts.Acknowledge)
}

func (s *Server) deleteAlerts(w http.ResponseWriter, r *http.Request) {
	s.changeAlerts(w, r, func(network string, f alerts.Filter, _ string) (int, error) { return s.deps.Alerts.Delete(network, f) })
}
