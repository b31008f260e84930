package lua

import (
	"fmt"
	"math"

	glua "github.com/yuin/gopher-lua"
)

// Bounds of a page of alerts.
const (
	maxPage    = 1_000_000
	maxPerPage = 10_000

	maxFilterText = 4096 // bytes of one field of a filter
)

func (v *VM) networkGetAlerts(l *glua.LState) int {
	const function = "network.getAlerts"
	filter, skip := AlertFilter{Status: StatusEngaged}, 0
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
	n := v.needNet(l, function)
	if n == nil {
		return pushNil(l)
	}
	page, total := v.opts.Sink.Query(n.Prefix.String(), filter)
	if skip > 0 { // a start inside a page: its rest, and the beginning of the next
		page = page[min(skip, len(page)):]
		if filter.Page*filter.PerPage < total {
			filter.Page++
			next, _ := v.opts.Sink.Query(n.Prefix.String(), filter)
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

// alertFilter reads a filter table: the reference's names, and ntopng's of its REST interface. skip is
// how many alerts of the filter's page come before the first one that is wanted; bad says what is
// wrong with the table.
func (v *VM) alertFilter(l *glua.LState, t *glua.LTable) (f AlertFilter, skip int, bad string) {
	f.Status = StatusAny
	wrong := func(name, want string, value glua.LValue) (AlertFilter, int, string) {
		return f, 0, fmt.Sprintf("%s: %s expected, got %s", name, want, describe(value))
	}
	if value := field(l, t, "status"); value != glua.LNil {
		var ok bool
		if f.Status, ok = alertStatus(l, value); !ok {
			return wrong("status", "engaged, historical, acknowledged or any", value)
		}
	}
	for column := range numAlertFields {
		value := field(l, t, filterFields[column]...)
		if value == glua.LNil {
			continue
		}
		if err := f.addTerms(l, column, value); err != nil {
			return wrong(filterFields[column][0], err.Error(), value)
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
	if value := field(l, t, "description", "text"); value != glua.LNil {
		var ok bool
		if f.Text, ok = concatText(value); !ok || len(f.Text) > maxFilterText {
			return wrong("description", "string of at most 4096 bytes", value)
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
		if indexOf(orderNames, f.OrderBy) < 0 {
			return wrong("order_by", "tstamp, tstamp_end, score, severity, alert_id, subtype or row_id", value)
		}
	}
	order, _ := concatText(field(l, t, "sort_order", "order"))
	f.Descending = order == "desc"
	return f, skip, ""
}

// alertStatus reads ntopng's name or number of a status.
func alertStatus(l *glua.LState, value glua.LValue) (AlertStatus, bool) {
	if name, ok := value.(glua.LString); ok {
		i := indexOf(statusNames[:], string(name))
		return AlertStatus(max(i, 0)), i >= 0
	}
	n, ok := numberIn(l, value, "alert_status_id")
	return AlertStatus(n), ok && n >= 0 && n <= int(StatusAny)
}

// addTerms reads the value of a field: a list of ntopng's "value;operator", a number, or an alert
// type, severity or category.
func (f *AlertFilter) addTerms(l *glua.LState, column AlertField, value glua.LValue) error {
	if list, ok := value.(glua.LString); ok {
		terms, err := parseTerms(column, string(list))
		if err != nil {
			return fmt.Errorf("list of value;operator (%w)", err)
		}
		f.Where = append(f.Where, terms...)
		return nil
	}
	if column.isText() {
		return fmt.Errorf("string")
	}
	switch column {
	case FieldID:
		id, ok := alertTypeID(l, value)
		if !ok {
			return fmt.Errorf("alert type or number")
		}
		f.ID = &id
	case FieldSeverity:
		id, ok := numberIn(l, value, "severity_id")
		if !ok {
			return fmt.Errorf("severity or number")
		}
		severity := Severity(max(min(id, 127), -1))
		f.Severity = &severity
	default:
		n, ok := value.(glua.LNumber)
		if t, table := value.(*glua.LTable); table && column == FieldCategory {
			n, ok = t.RawGetString("id").(glua.LNumber)
		}
		if !ok || !(math.Abs(float64(n)) < 1<<53) {
			return fmt.Errorf("number")
		}
		f.Where = append(f.Where, AlertTerm{Field: column, Number: int64(n)})
	}
	return nil
}
