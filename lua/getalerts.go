package lua

import (
	"fmt"
	"math"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	glua "github.com/yuin/gopher-lua"
)

// Bounds of a page of alerts.
const (
	maxPage    = 1_000_000
	maxPerPage = 10_000
)

// filterFields are the names that filter tables have for the fields.
var filterFields = []struct {
	field alerts.Field
	names []string
}{
	{alerts.ByID, []string{"alert_type", "alert_id"}},
	{alerts.ByCategory, []string{"alert_category"}},
	{alerts.BySeverity, []string{"alert_severity", "severity"}},
	{alerts.ByScore, []string{"score"}},
	{alerts.ByTime, []string{"tstamp"}},
	{alerts.ByRowID, []string{"row_id"}},
	{alerts.ByNetworkName, []string{"network_name"}},
	{alerts.BySubtype, []string{"subtype"}},
	{alerts.ByCheck, []string{"script_key"}},
}

func (v *VM) networkGetAlerts(l *glua.LState) int {
	const function = "network.getAlerts"
	return v.getAlerts(l, function, func() (string, bool) {
		n := v.needNet(l, function)
		if n == nil {
			return "", false
		}
		return n.Prefix.String(), true
	})
}

// interfaceGetAlerts is network.getAlerts over all networks.
func (v *VM) interfaceGetAlerts(l *glua.LState) int {
	return v.getAlerts(l, "interface.getAlerts", func() (string, bool) { return "", true })
}

// getAlerts answers network.getAlerts of the network that where gives, after the arguments were found
// good; an empty name is all networks.
func (v *VM) getAlerts(l *glua.LState, function string, where func() (string, bool)) int {
	filter, skip := alerts.Filter{Status: alerts.StatusEngaged}, 0
	switch x := l.Get(1).(type) {
	case *glua.LTable:
		var bad string
		if filter, skip, bad = v.alertFilter(l, x); bad != "" {
			v.stats.ArgumentErrors++
			v.warn(l, function+": filter."+bad)
			return pushNil(l)
		}
	case glua.LNumber:
		p, ok := v.namespace(l, function, 1)
		if !ok {
			return 1
		}
		filter.Periodicity = &p
	}
	network, ok := where()
	if !ok {
		return pushNil(l)
	}
	page, total := v.opts.Sink.Query(network, filter)
	if skip > 0 { // a start inside a page: its rest, and the beginning of the next
		page = page[min(skip, len(page)):]
		if filter.Page*filter.PerPage < total {
			filter.Page++
			next, _ := v.opts.Sink.Query(network, filter)
			page = append(page[:len(page):len(page)], next[:min(skip, len(next))]...)
		}
	}
	out := v.state.CreateTable(len(page), 0)
	for i := range page {
		out.Append(v.alertTable(&page[i]))
	}
	l.Push(out)
	return 1
}

// interfaceEngagedAlerts is getEngagedAlerts(entity, value, alert_id, severity): the engaged alerts of a
// network by name, or of all; the other two narrow them. Other entities have none.
func (v *VM) interfaceEngagedAlerts(l *glua.LState) int {
	const function = "interface.getEngagedAlerts"
	filter, network, found := alerts.Filter{Status: alerts.StatusEngaged}, "", true
	if entity := l.Get(1); entity != glua.LNil {
		id, ok := numberIn(l, entity, "entity_id")
		if !ok {
			return v.argumentError(l, function, 1, "entity_id", "number or nil")
		}
		found = id == networkEntityID
	}
	switch value := l.Get(2).(type) {
	case *glua.LNilType:
	case glua.LString:
		if id := v.lookup(string(value)); id == localnets.NoNetwork {
			found = false
		} else {
			network = v.run.snap.Networks[id].Prefix.String()
		}
	default:
		return v.argumentError(l, function, 2, "entity_value", "string or nil")
	}
	if value := l.Get(3); value != glua.LNil {
		id, ok := alertTypeID(l, value)
		if !ok {
			return v.argumentError(l, function, 3, "alert_id", "number or nil")
		}
		filter.ID = &id
	}
	if value := l.Get(4); value != glua.LNil {
		id, ok := numberIn(l, value, "severity_id")
		if !ok {
			return v.argumentError(l, function, 4, "severity", "number or nil")
		}
		severity := alerts.Severity(max(min(id, 127), -1))
		filter.Severity = &severity
	}
	out := v.state.NewTable()
	if found {
		page, _ := v.opts.Sink.Query(network, filter)
		for i := range page {
			out.Append(v.alertTable(&page[i]))
		}
	}
	l.Push(out)
	return 1
}

// alertFilter reads a filter table: the reference's names, and ntopng's of its REST interface. skip is
// how many alerts of the filter's page come before the first one that is wanted; bad says what is
// wrong with the table.
func (v *VM) alertFilter(l *glua.LState, t *glua.LTable) (f alerts.Filter, skip int, bad string) {
	f.Status = alerts.StatusAny
	wrong := func(name, want string, value glua.LValue) (alerts.Filter, int, string) {
		return f, 0, fmt.Sprintf("%s: %s expected, got %s", name, want, describe(value))
	}
	if value := field(l, t, "status"); value != glua.LNil {
		var ok bool
		if f.Status, ok = alertStatus(l, value); !ok {
			return wrong("status", "engaged, historical, acknowledged or any", value)
		}
	}
	for _, column := range filterFields {
		value := field(l, t, column.names...)
		if value == glua.LNil {
			continue
		}
		if err := addTerms(l, &f, column.field, value); err != nil {
			return wrong(column.names[0], err.Error(), value)
		}
	}
	for _, b := range []struct {
		name string
		to   *int64
	}{{"epoch_begin", &f.Begin}, {"epoch_end", &f.End}} {
		if value := field(l, t, b.name); value != glua.LNil {
			n, ok := toNumber(value) // the parameters of a request are strings
			if !ok || !(math.Abs(n) < 1<<53) {
				return wrong(b.name, "time in seconds", value)
			}
			*b.to = int64(n)
		}
	}
	if value := field(l, t, "description", "info", "text"); value != glua.LNil {
		var ok bool
		if f.Text, ok = concatText(value); !ok || len(f.Text) > alerts.MaxShort {
			return wrong("description", fmt.Sprintf("string of at most %d bytes", alerts.MaxShort), value)
		}
	}
	start := 0
	for _, p := range []struct {
		name        string
		to          *int
		least, most int
	}{{"page", &f.Page, 1, maxPage}, {"perPage", &f.PerPage, 1, maxPerPage}, {"length", &f.PerPage, 1, maxPerPage}, {"start", &start, 0, maxPage}} {
		if value := field(l, t, p.name); value != glua.LNil {
			n, ok := numberIn(l, value)
			if !ok || n < p.least {
				return wrong(p.name, fmt.Sprintf("number from %d", p.least), value)
			}
			*p.to = min(n, p.most)
		}
	}
	if start > 0 {
		if f.PerPage == 0 {
			f.PerPage = maxPerPage
		}
		f.Page, skip = start/f.PerPage+1, start%f.PerPage
	}
	if value := field(l, t, "order_by", "sort"); value != glua.LNil {
		f.OrderBy, _ = concatText(value)
		if !alerts.ParseOrder(f.OrderBy) {
			return wrong("order_by", "tstamp, tstamp_end, score, severity, alert_id, subtype or row_id", value)
		}
	}
	order, _ := concatText(field(l, t, "sort_order", "order"))
	f.Descending = order == "desc"
	if err := f.Validate(); err != nil {
		return f, 0, err.Error()
	}
	return f, skip, ""
}

// alertStatus reads ntopng's name or number of a status.
func alertStatus(l *glua.LState, value glua.LValue) (alerts.Status, bool) {
	if name, ok := value.(glua.LString); ok {
		return alerts.ParseStatus(string(name))
	}
	n, ok := numberIn(l, value, "alert_status_id")
	return alerts.Status(n), ok && n >= 0 && n <= int(alerts.StatusAny)
}

// addTerms reads the value of a field: a list of ntopng's "value;operator", a number, or an alert
// type, severity or category.
func addTerms(l *glua.LState, f *alerts.Filter, column alerts.Field, value glua.LValue) error {
	if list, ok := value.(glua.LString); ok {
		terms, err := alerts.ParseTerms(column, string(list))
		if err != nil {
			return fmt.Errorf("list of value;operator (%w)", err)
		}
		f.Where = append(f.Where, terms...)
		return nil
	}
	switch column {
	case alerts.ByNetworkName, alerts.BySubtype, alerts.ByCheck:
		return fmt.Errorf("string")
	case alerts.ByID:
		id, ok := alertTypeID(l, value)
		if !ok {
			return fmt.Errorf("alert type or number")
		}
		f.ID = &id
	case alerts.BySeverity:
		id, ok := numberIn(l, value, "severity_id")
		if !ok {
			return fmt.Errorf("severity or number")
		}
		severity := alerts.Severity(max(min(id, 127), -1))
		f.Severity = &severity
	default:
		n, ok := value.(glua.LNumber)
		if t, table := value.(*glua.LTable); table && column == alerts.ByCategory {
			n, ok = t.RawGetString("id").(glua.LNumber)
		}
		if !ok || !(math.Abs(float64(n)) < 1<<53) {
			return fmt.Errorf("number")
		}
		f.Where = append(f.Where, alerts.Term{Field: column, Number: int64(n)})
	}
	return nil
}
