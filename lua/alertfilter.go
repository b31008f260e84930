package lua

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Alert status as filters name it; the numbers are ntopng's.
type AlertStatus int8

// The values of AlertStatus.
const (
	StatusHistorical AlertStatus = iota
	StatusAcknowledged
	StatusEngaged
	StatusAny
)

var statusNames = [...]string{"historical", "acknowledged", "engaged", "any"}

// An AlertFilter selects alerts; zero and nil fields select all. Its parts are ANDed.
type AlertFilter struct {
	Status      AlertStatus
	Periodicity *Periodicity
	ID          *int
	Severity    *Severity

	// Begin and End bound the time of engaging, seconds since the Unix epoch, both included, 0 for
	// open. As in ntopng engaged alerts heed only End.
	Begin, End int64
	Text       string // words that description or JSON hold, in any case
	Where      []AlertTerm

	Page       int // from 1; 0 means 1
	PerPage    int // 0 means all
	OrderBy    string
	Descending bool
}

// An AlertField is what an AlertTerm compares.
type AlertField uint8

// The fields; those from FieldNetworkName on hold text.
const (
	FieldID AlertField = iota
	FieldCategory
	FieldSeverity
	FieldScore
	FieldTime
	FieldRowID
	FieldNetworkName
	FieldSubtype
	FieldCheck

	numAlertFields
)

func (f AlertField) isText() bool { return f >= FieldNetworkName }

// filterFields are the names that filter tables have for the fields.
var filterFields = [numAlertFields][]string{
	FieldID: {"alert_type", "alert_id"}, FieldCategory: {"alert_category"}, FieldSeverity: {"alert_severity", "severity"},
	FieldScore: {"score"}, FieldTime: {"tstamp"}, FieldRowID: {"row_id"},
	FieldNetworkName: {"network_name"}, FieldSubtype: {"subtype"}, FieldCheck: {"script_key"},
}

// An AlertOperator compares a field with a term's value.
type AlertOperator uint8

// The operators. In and NotIn ask whether a text contains the value, in any ASCII case; of a number
// the same as Eq and Neq.
const (
	OpEq AlertOperator = iota
	OpNeq
	OpLt
	OpGt
	OpGte
	OpLte
	OpIn
	OpNotIn
)

var operatorNames = [...]string{"eq", "neq", "lt", "gt", "gte", "lte", "in", "nin"}

// String is ntopng's word.
func (o AlertOperator) String() string { return operatorNames[o] }

// An AlertTerm compares a field with a value. Of the terms of one field, those with OpNeq or OpNotIn
// and those on the score must all hold, and of the others at least one; fields are ANDed. (ntopng's
// rule.)
type AlertTerm struct {
	Field  AlertField
	Op     AlertOperator
	Number int64  // of a field that holds a number
	Text   string // of a field that holds text
}

// maxTerms bounds the terms of one filter.
const maxTerms = 64

// parseTerms reads ntopng's form of a field's terms: "value;operator", several with commas between; no
// operator means eq. A severity may be given by name.
func parseTerms(field AlertField, s string) ([]AlertTerm, error) {
	if len(s) > maxFilterText || strings.Count(s, ",") >= maxTerms {
		return nil, fmt.Errorf("more than %d values or %d bytes", maxTerms, maxFilterText)
	}
	var terms []AlertTerm
	for part := range strings.SplitSeq(s, ",") {
		value, word, found := strings.Cut(part, ";")
		t := AlertTerm{Field: field, Text: value}
		if found {
			op := indexOf(operatorNames[:], word)
			if op < 0 {
				return nil, fmt.Errorf("unknown operator %q", word)
			}
			t.Op = AlertOperator(op)
		}
		if field.isText() {
			if t.Op >= OpLt && t.Op <= OpLte {
				return nil, fmt.Errorf("operator %s compares numbers", t.Op)
			}
			terms = append(terms, t)
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if named := indexOf(severityNames[:], value); field == FieldSeverity && named >= 0 {
			n, err = int64(named), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", value)
		}
		t.Number, t.Text = n, ""
		terms = append(terms, t)
	}
	return terms, nil
}

func indexOf(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// selects reports whether a passes the filter, leaving status and network aside.
func (f *AlertFilter) selects(a *Alert) bool {
	switch {
	case f.Periodicity != nil && *f.Periodicity != a.Periodicity,
		f.ID != nil && *f.ID != a.ID,
		f.Severity != nil && *f.Severity != SeverityOf(a.Score),
		f.Begin != 0 && a.End != 0 && a.Time < f.Begin,
		f.End != 0 && a.Time > f.End:
		return false
	}
	for field := range numAlertFields {
		if !f.termsHold(field, a) {
			return false
		}
	}
	text := lowerASCII(a.Description + "\n" + a.JSON)
	for _, word := range strings.Fields(lowerASCII(f.Text)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// termsHold applies the terms of one field.
func (f *AlertFilter) termsHold(field AlertField, a *Alert) bool {
	asked, any := false, false
	for i := range f.Where {
		t := &f.Where[i]
		if t.Field != field {
			continue
		}
		holds := t.holds(a)
		if t.Op == OpNeq || t.Op == OpNotIn || field == FieldScore {
			if !holds {
				return false
			}
			continue
		}
		asked, any = true, any || holds
	}
	return any || !asked
}

func (t *AlertTerm) holds(a *Alert) bool {
	if t.Field.isText() {
		value := [...]string{a.NetworkName, a.Subtype, a.Check}[t.Field-FieldNetworkName]
		switch t.Op {
		case OpEq:
			return value == t.Text
		case OpNeq:
			return value != t.Text
		case OpIn:
			return strings.Contains(lowerASCII(value), lowerASCII(t.Text))
		default:
			return !strings.Contains(lowerASCII(value), lowerASCII(t.Text))
		}
	}
	c := cmp.Compare([...]int64{
		int64(a.ID), int64(a.Category), int64(SeverityOf(a.Score)), int64(a.Score), a.Time, a.RowID,
	}[t.Field], t.Number)
	switch t.Op {
	case OpLt:
		return c < 0
	case OpGt:
		return c > 0
	case OpGte:
		return c >= 0
	case OpLte:
		return c <= 0
	case OpNeq, OpNotIn:
		return c != 0
	default:
		return c == 0
	}
}

// lowerASCII leaves bytes beyond ASCII as they are.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// orderNames are the columns that AlertFilter.OrderBy can name.
var orderNames = []string{
	"tstamp", "time", "date", "tstamp_end", "score", "severity", "alert_severity", "alert_id", "alert_type",
	"subtype", "row_id", "name", "network_name",
}

// compare orders by the filter's column; equal where it names none.
func (f *AlertFilter) compare(a, b *Alert) int {
	switch f.OrderBy {
	case "tstamp", "time", "date":
		return cmp.Compare(a.Time, b.Time)
	case "tstamp_end":
		return cmp.Compare(a.End, b.End)
	case "score":
		return cmp.Compare(a.Score, b.Score)
	case "severity", "alert_severity":
		return cmp.Compare(SeverityOf(a.Score), SeverityOf(b.Score))
	case "alert_id", "alert_type":
		return cmp.Compare(a.ID, b.ID)
	case "subtype":
		return cmp.Compare(a.Subtype, b.Subtype)
	case "row_id":
		return cmp.Compare(a.RowID, b.RowID)
	}
	return 0
}
