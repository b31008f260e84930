package alerts

import (
	"fmt"
	"strconv"
	"strings"
)

// A Filter selects alerts; zero and nil fields select all. Its parts are ANDed.
type Filter struct {
	Status      Status
	Periodicity *Periodicity
	ID          *int
	Severity    *Severity

	Begin, End int64   // Time from and to, both included, 0 for open; engaged alerts heed only End
	RowIDs     []int64 // any of them
	Text       string  // each word is in description or JSON, in any case; "word*" asks for a beginning
	Where      []Term
	// Match, when set, is asked of what all else selects: of a Store 4 µs an alert, and no index helps. It must not
	// change the alert, keep it or call the store, and pages then reach to the alert MaxPage.
	Match func(*Alert) bool

	Page       int    // from 1; 0 means 1
	PerPage    int    // 0 means all, of past ones at most MaxPage
	OrderBy    string // a name of ParseOrder; else by key for engaged alerts alone, and by time
	Descending bool
}

// MaxPage is how many past alerts one query gives at most.
const MaxPage = 10_000

// Bounds of a filter.
const (
	maxTerms  = 64
	maxRowIDs = 1000
	maxOffset = 1 << 40
)

// A Field is what a Term compares.
type Field uint8

// The fields; those after ByRowID hold text.
const (
	ByID Field = iota
	ByCategory
	BySeverity
	ByScore
	ByTime
	ByRowID
	ByNetworkName
	BySubtype
	ByCheck

	numFields
)

func (f Field) isText() bool { return f > ByRowID }

// ParseField reads ntopng's name of a field, or ours.
func ParseField(name string) (Field, bool) {
	switch name {
	case "alert_id", "alert_type":
		return ByID, true
	case "alert_category":
		return ByCategory, true
	case "severity", "alert_severity":
		return BySeverity, true
	case "score":
		return ByScore, true
	case "tstamp":
		return ByTime, true
	case "row_id":
		return ByRowID, true
	case "network_name", "name":
		return ByNetworkName, true
	case "subtype":
		return BySubtype, true
	case "check", "script_key":
		return ByCheck, true
	}
	return 0, false
}

// An Operator compares a field with a term's value.
type Operator uint8

// The operators. In and NotIn ask of text whether it contains the value, in any ASCII case; of a
// number the same as Eq and Neq.
const (
	Eq Operator = iota
	Neq
	Lt
	Gt
	Gte
	Lte
	In
	NotIn

	numOperators
)

// String is ntopng's word.
func (o Operator) String() string {
	switch o {
	case Eq:
		return "eq"
	case Neq:
		return "neq"
	case Lt:
		return "lt"
	case Gt:
		return "gt"
	case Gte:
		return "gte"
	case Lte:
		return "lte"
	case In:
		return "in"
	case NotIn:
		return "nin"
	}
	return "unknown"
}

// ParseOperator reads ntopng's word.
func ParseOperator(name string) (Operator, bool) {
	for o := range numOperators {
		if o.String() == name {
			return o, true
		}
	}
	return 0, false
}

// A Term compares a field with a value. Of the terms of one field, those with Neq or NotIn and those
// on the score must all hold, and of the others at least one; the fields are ANDed. (ntopng's rule.)
type Term struct {
	Field  Field
	Op     Operator
	Number int64  // of a field that holds a number
	Text   string // of a field that holds text
}

// must reports whether t is ANDed with the other terms of its field.
func (t *Term) must() bool { return t.Field == ByScore || t.Op == Neq || t.Op == NotIn }

// ParseTerms reads ntopng's form of a field's terms: "value;operator", several with commas between; no
// operator means eq. A severity may be given by name.
func ParseTerms(field Field, s string) ([]Term, error) {
	if len(s) > MaxShort {
		return nil, fmt.Errorf("filter of %d bytes: %w", len(s), ErrTooLarge)
	}
	var terms []Term
	for part := range strings.SplitSeq(s, ",") {
		value, op, found := strings.Cut(part, ";")
		t := Term{Field: field, Text: value}
		if found {
			var known bool
			if t.Op, known = ParseOperator(op); !known {
				return nil, fmt.Errorf("operator %q: %w", op, ErrInvalid)
			}
		}
		if field.isText() && t.Op >= Lt && t.Op <= Lte {
			return nil, fmt.Errorf("operator %s compares numbers: %w", t.Op, ErrInvalid)
		}
		if !field.isText() {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if sev, named := ParseSeverity(value); field == BySeverity && named {
				n, err = int64(sev), nil
			}
			if err != nil {
				return nil, fmt.Errorf("number %q: %w", value, ErrInvalid)
			}
			t.Number, t.Text = n, ""
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// An order is a column to sort by.
type order uint8

const (
	orderTime order = iota
	orderKey        // network, periodicity, key: only of engaged alerts
	orderEnd
	orderScore
	orderSeverity
	orderID
	orderSubtype
	orderName
	orderRow
)

// parseOrder reads the name of a column.
func parseOrder(name string) (order, bool) {
	switch name {
	case "tstamp", "time", "date":
		return orderTime, true
	case "tstamp_end":
		return orderEnd, true
	case "score":
		return orderScore, true
	case "severity", "alert_severity":
		return orderSeverity, true
	case "alert_id", "alert_type":
		return orderID, true
	case "subtype":
		return orderSubtype, true
	case "name", "network_name":
		return orderName, true
	case "row_id":
		return orderRow, true
	}
	return orderTime, false
}

// ParseOrder reports whether name is a column that Filter.OrderBy can name: tstamp (also time, date),
// tstamp_end, score, severity (alert_severity), alert_id (alert_type), subtype, name (network_name) or
// row_id.
func ParseOrder(name string) bool {
	_, known := parseOrder(name)
	return known
}

// A selection is a checked filter with its network.
type selection struct {
	Filter
	network string // "" for all
	words   []queryWord
	order   order
}

// Validate says why f would select nothing: ErrInvalid or ErrTooLarge.
func (f Filter) Validate() error {
	_, err := f.compile("")
	return err
}

// compile checks f; what it refuses selects nothing.
func (f Filter) compile(network string) (*selection, error) {
	q := &selection{Filter: f, network: network, words: queryWords(f.Text)}
	switch {
	case f.Status < StatusHistorical || f.Status > StatusAny:
		return nil, fmt.Errorf("status %d: %w", f.Status, ErrInvalid)
	case len(f.Where) > maxTerms:
		return nil, fmt.Errorf("%d filter terms, at most %d: %w", len(f.Where), maxTerms, ErrTooLarge)
	case len(f.RowIDs) > maxRowIDs:
		return nil, fmt.Errorf("%d row ids, at most %d: %w", len(f.RowIDs), maxRowIDs, ErrTooLarge)
	case f.Page < 0 || f.PerPage < 0:
		return nil, fmt.Errorf("negative page: %w", ErrInvalid)
	case f.Match != nil && f.PerPage > 0 && f.Page > MaxPage/f.PerPage:
		return nil, fmt.Errorf("page %d, a filter's reach to the alert %d: %w", f.Page, MaxPage, ErrTooLarge)
	case f.PerPage > 0 && f.Page > maxOffset/f.PerPage:
		return nil, fmt.Errorf("page %d: %w", f.Page, ErrTooLarge)
	}
	if err := checkTexts(text{"search text", f.Text, MaxShort}); err != nil {
		return nil, err
	}
	for i := range f.Where {
		t := &f.Where[i]
		switch {
		case t.Field >= numFields:
			return nil, fmt.Errorf("filter field %d: %w", t.Field, ErrInvalid)
		case t.Op >= numOperators || t.Field.isText() && t.Op >= Lt && t.Op <= Lte:
			return nil, fmt.Errorf("filter operator %s on this field: %w", t.Op, ErrInvalid)
		}
		if err := checkTexts(text{"filter value", t.Text, MaxShort}); err != nil {
			return nil, err
		}
	}
	var known bool
	if q.order, known = parseOrder(f.OrderBy); !known && f.Status == StatusEngaged {
		q.order = orderKey
	}
	return q, nil
}

// window is the part of n sorted alerts that the page shows.
func (q *selection) window() (first, count int) {
	if q.PerPage == 0 {
		return 0, maxOffset
	}
	return (max(q.Page, 1) - 1) * q.PerPage, q.PerPage
}

// cut gives the page of a sorted list.
func (q *selection) cut(all []Alert) []Alert {
	first, count := q.window()
	first = min(first, len(all))
	return all[first:min(first+count, len(all))]
}
