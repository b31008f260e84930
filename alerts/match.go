package alerts

import (
	"cmp"
	"slices"
	"strings"
)

// selects reports whether q selects a, its status and network included.
func (q *selection) selects(a *Alert) bool {
	if q.Status != StatusAny && q.Status != a.Status || q.network != "" && q.network != a.Network {
		return false
	}
	if q.Periodicity != nil && *q.Periodicity != a.Periodicity || q.ID != nil && *q.ID != a.ID ||
		q.Severity != nil && *q.Severity != a.Severity() {
		return false
	}
	if q.Begin != 0 && a.Time < q.Begin && a.Status != StatusEngaged || q.End != 0 && a.Time > q.End {
		return false
	}
	if len(q.RowIDs) > 0 && !slices.Contains(q.RowIDs, a.RowID) {
		return false
	}
	for field := range numFields {
		if !q.termsHold(field, a) {
			return false
		}
	}
	return (q.Text == "" || hasWords(q.words, a)) && (q.Match == nil || q.Match(a))
}

// termsHold applies the terms of one field.
func (q *selection) termsHold(field Field, a *Alert) bool {
	asked, any := false, false
	for i := range q.Where {
		t := &q.Where[i]
		switch {
		case t.Field != field:
		case t.must():
			if !t.holds(a) {
				return false
			}
		default:
			asked = true
			any = any || t.holds(a)
		}
	}
	return any || !asked
}

func (t *Term) holds(a *Alert) bool {
	if t.Field.isText() {
		value := a.textOf(t.Field)
		switch t.Op {
		case Eq:
			return value == t.Text
		case Neq:
			return value != t.Text
		case In:
			return strings.Contains(lowerASCII(value), lowerASCII(t.Text))
		default:
			return !strings.Contains(lowerASCII(value), lowerASCII(t.Text))
		}
	}
	c := cmp.Compare(a.numberOf(t.Field), t.Number)
	switch t.Op {
	case Lt:
		return c < 0
	case Gt:
		return c > 0
	case Gte:
		return c >= 0
	case Lte:
		return c <= 0
	case Neq, NotIn:
		return c != 0
	default:
		return c == 0
	}
}

func (a *Alert) textOf(f Field) string {
	switch f {
	case ByNetworkName:
		return a.NetworkName
	case BySubtype:
		return a.Subtype
	default:
		return a.Check
	}
}

func (a *Alert) numberOf(f Field) int64 {
	switch f {
	case ByID:
		return int64(a.ID)
	case ByCategory:
		return int64(a.Category)
	case BySeverity:
		return int64(a.Severity())
	case ByScore:
		return int64(a.Score)
	case ByTime:
		return a.Time
	default:
		return a.RowID
	}
}

// lowerASCII is SQLite's lower(): bytes beyond ASCII stay.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// compare orders two alerts as the page shows them. Ties of the column go by time, then by row, in the
// same direction.
func (q *selection) compare(a, b *Alert) int {
	var c int
	switch q.order {
	case orderKey:
		c = cmp.Or(strings.Compare(a.Network, b.Network), cmp.Compare(a.Periodicity, b.Periodicity),
			strings.Compare(a.Key.Key, b.Key.Key))
	case orderEnd:
		c = cmp.Compare(a.End, b.End)
	case orderScore:
		c = cmp.Compare(a.Score, b.Score)
	case orderSeverity:
		c = cmp.Compare(a.Severity(), b.Severity())
	case orderID:
		c = cmp.Compare(a.ID, b.ID)
	case orderSubtype:
		c = strings.Compare(a.Subtype, b.Subtype)
	case orderName:
		c = strings.Compare(a.NetworkName, b.NetworkName)
	case orderRow:
		c = cmp.Compare(a.RowID, b.RowID)
	}
	c = cmp.Or(c, cmp.Compare(a.Time, b.Time), cmp.Compare(a.RowID, b.RowID))
	if q.Descending {
		return -c
	}
	return c
}

func (q *selection) sort(list []Alert) {
	slices.SortFunc(list, func(a, b Alert) int { return q.compare(&a, &b) })
}
