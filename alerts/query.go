package alerts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of a query.
const (
	queryTime = 10 * time.Second
	pageBytes = 64 << 20 // of the texts of a page, about; what is beyond is left out
)

// where builds a condition; every value is bound.
type where struct {
	text strings.Builder
	args []any
}

func (w *where) and(condition string, args ...any) {
	if w.text.Len() == 0 {
		w.text.WriteString(" WHERE ")
	} else {
		w.text.WriteString(" AND ")
	}
	w.text.WriteString(condition)
	w.args = append(w.args, args...)
}

// condition selects past alerts as selects does, of rows from and to, both included. The column of the
// rows is "row_id" to go by the rows, and "+row_id" to leave the way to SQLite.
func (q *selection) condition(column string, from, to int64) *where {
	w := &where{}
	// The file has no statistics, so that SQLite takes its indexes for equally good. A plus before a column
	// rules its index out where there is a better one.
	byNetwork, byStatus := "", ""
	if q.network != "" {
		w.and("network = ?", q.network)
		byNetwork, byStatus = "+", "+"
	}
	if q.ID != nil || q.Severity != nil {
		byStatus = "+"
	}
	switch q.Status {
	case StatusHistorical, StatusAcknowledged:
		w.and(byStatus+"alert_status = ?", int(q.Status))
	}
	if q.Periodicity != nil {
		w.and("periodicity = ?", int(*q.Periodicity))
	}
	if q.ID != nil {
		w.and(byNetwork+"alert_id = ?", *q.ID)
	}
	if q.Severity != nil {
		w.and(byNetwork+"severity = ?", int(*q.Severity))
	}
	if q.Begin != 0 {
		w.and("tstamp >= ?", q.Begin)
	}
	if q.End != 0 {
		w.and("tstamp <= ?", q.End)
	}
	if len(q.RowIDs) > 0 {
		args := make([]any, len(q.RowIDs))
		for i, id := range q.RowIDs {
			args[i] = id
		}
		w.and("row_id IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
	for field := range numFields {
		q.terms(field, w)
	}
	if q.Text != "" {
		if len(q.words) == 0 {
			w.and("0")
		} else {
			w.and("row_id IN (SELECT rowid FROM network_alert_words WHERE network_alert_words MATCH ? AND rowid BETWEEN ? AND ?)",
				matchQuery(q.words), from, to)
		}
	}
	w.and(column+" BETWEEN ? AND ?", from, to)
	return w
}

// terms adds those of one field.
func (q *selection) terms(field Field, w *where) {
	var either []string
	var args []any
	for i := range q.Where {
		t := &q.Where[i]
		if t.Field != field {
			continue
		}
		condition, arg := t.condition()
		if t.must() {
			w.and(condition, arg)
			continue
		}
		either = append(either, condition)
		args = append(args, arg)
	}
	if len(either) > 0 {
		w.and("("+strings.Join(either, " OR ")+")", args...)
	}
}

func (t *Term) condition() (string, any) {
	column := [numFields]string{
		ByID: "alert_id", ByCategory: "alert_category", BySeverity: "severity", ByScore: "score", ByTime: "tstamp",
		ByRowID: "row_id", ByNetworkName: "name", BySubtype: "subtype", ByCheck: "check_key",
	}[t.Field]
	if !t.Field.isText() {
		return column + [numOperators]string{
			Eq: " = ?", Neq: " <> ?", Lt: " < ?", Gt: " > ?", Gte: " >= ?", Lte: " <= ?", In: " = ?", NotIn: " <> ?",
		}[t.Op], t.Number
	}
	switch t.Op {
	case Eq:
		return column + " = ?", t.Text
	case Neq:
		return column + " <> ?", t.Text
	}
	// As bytes, for texts need not be UTF-8.
	contains := "instr(CAST(lower(" + column + ") AS BLOB), CAST(lower(?) AS BLOB))"
	if t.Op == In {
		return contains + " > 0", t.Text
	}
	return contains + " = 0", t.Text
}

// orderBy is compare in SQL; the indexes end with the time and the row.
func (q *selection) orderBy() string {
	direction := ""
	if q.Descending {
		direction = " DESC"
	}
	column := [...]string{
		orderTime: "", orderKey: "", orderEnd: "tstamp_end", orderScore: "score", orderSeverity: "severity",
		orderID: "alert_id", orderSubtype: "subtype", orderName: "name", orderRow: "row_id",
	}[q.order]
	if column != "" {
		column += direction + ", "
	}
	return " ORDER BY " + column + "tstamp" + direction + ", row_id" + direction
}

// Query implements Reader. A filter that Find refuses selects nothing; when the file cannot be read,
// the answer is what memory has, and Stats counts the error.
func (s *Store) Query(network string, f Filter) (page []Alert, total int) {
	page, total, err := s.Find(context.Background(), network, f)
	if err != nil {
		s.log.Warn("query of alerts", "network", network, "err", err)
	}
	return page, total
}

// Find is Query with what went wrong: ErrInvalid or ErrTooLarge for f, ErrClosed, or an error of the
// disk, of ctx or of a query that takes too long, with what memory has.
func (s *Store) Find(ctx context.Context, network string, f Filter) (page []Alert, total int, err error) {
	q, err := f.compile(network)
	if err != nil {
		return nil, 0, err
	}
	memory, before, rows := s.selectMemory(q)
	q.sort(memory)
	if q.Status == StatusEngaged {
		return q.cut(memory), len(memory), nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	s.reading.RLock()
	defer s.reading.RUnlock()
	db := s.readers.Load()
	if db == nil {
		return q.cut(memory), len(memory), s.queryFailed(ErrClosed)
	}
	w := q.condition("+row_id", 0, before-1)
	first, length := q.window()
	if q.Match != nil {
		past, matched, err := q.scan(ctx, db, w, first+min(length, MaxPage))
		if err != nil {
			return q.cut(memory), len(memory), s.queryFailed(err)
		}
		return q.merge(memory, past, first, length), matched + len(memory), nil
	}
	count := w
	if q.isPlain() { // counting what is acknowledged, which is less, gives the rest
		count = &where{}
		count.and("alert_status = ?", int(StatusAcknowledged))
	}
	if err := db.read.QueryRowContext(ctx, "SELECT count(*) FROM network_alerts"+count.text.String(), count.args...).
		Scan(&total); err != nil {
		return q.cut(memory), len(memory), s.queryFailed(err)
	}
	switch {
	case q.isPlain() && q.Status == StatusAny:
		total = rows
	case q.isPlain() && q.Status == StatusHistorical:
		total = max(rows-total, 0)
	}
	total += len(memory)
	// The page is [first, first+count) of the merged list. Of the file's list only what can be there is
	// read: at most len(memory) of the alerts before it are from memory.
	skip := max(first-len(memory), 0)
	past, err := q.read(ctx, db, w, skip, min(length, MaxPage)+min(first, len(memory)))
	if err != nil {
		return q.cut(memory), len(memory), s.queryFailed(err)
	}
	return q.merge(memory, past, first-skip, length), total, nil
}

// isPlain reports whether q asks for nothing but a status.
func (q *selection) isPlain() bool {
	return q.network == "" && q.Periodicity == nil && q.ID == nil && q.Severity == nil && q.Begin == 0 && q.End == 0 &&
		len(q.RowIDs) == 0 && q.Text == "" && len(q.Where) == 0 && q.Match == nil
}

// selectMemory gives the engaged alerts, and the past ones that are not known to be in the file, that
// q selects; those that are there number rows, and are below the row before. It is one moment's view.
func (s *Store) selectMemory(q *selection) (list []Alert, before int64, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = s.state.selectEngaged(q, nil)
	before = s.state.lastRow + 1
	for i := len(s.queue) - 1; i >= 0; i-- {
		if c := &s.queue[i]; c.kind == OpRelease || c.kind == OpRecord {
			before = c.alert.RowID
			if q.selects(&c.alert) {
				list = append(list, c.alert)
			}
		}
	}
	return list, before, s.stats.rows
}

// read gives a part of the file's sorted list.
func (q *selection) read(ctx context.Context, db *database, w *where, skip, count int) ([]Alert, error) {
	text := "SELECT " + pastColumns + " FROM network_alerts" + w.text.String() + q.orderBy() + " LIMIT ? OFFSET ?"
	rows, err := db.read.QueryContext(ctx, text, append(w.args, count, skip)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Alert
	size := 0
	for size < pageBytes && rows.Next() {
		var a Alert
		if err := rows.Scan(pastTargets(&a)...); err != nil {
			return nil, fmt.Errorf("%w: %w", errDamaged, err)
		}
		size += a.bytes()
		list = append(list, a)
	}
	return list, rows.Err()
}

// scan gives the first of the file's list that Match selects, at most keep of them and in order, and how many
// it selects. SQLite does not sort: it would hold all rows for it.
func (q *selection) scan(ctx context.Context, db *database, w *where, keep int) (list []Alert, matched int, err error) {
	size := 0
	trim := func() {
		q.sort(list)
		list = slices.Clone(list[:min(len(list), keep)]) // what is cut off is let go
		size = 0
		for i := range list {
			if size += list[i].bytes(); size > pageBytes {
				keep = i + 1
				list = list[:keep]
				break
			}
		}
	}
	rows, err := db.read.QueryContext(ctx, "SELECT "+pastColumns+" FROM network_alerts"+w.text.String(), w.args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var a Alert
		if err := rows.Scan(pastTargets(&a)...); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if !q.Match(&a) {
			continue
		}
		matched++
		list = append(list, a)
		if size += a.bytes(); len(list) >= 2*keep+1000 || size > 2*pageBytes {
			trim()
		}
	}
	trim()
	return list, matched, rows.Err()
}

// merge gives [first, first+count) of two sorted lists together.
func (q *selection) merge(a, b []Alert, first, count int) []Alert {
	var out []Alert
	for i := 0; len(a)+len(b) > 0 && len(out) < count; i++ {
		from := &b
		if len(b) == 0 || len(a) > 0 && q.compare(&a[0], &b[0]) <= 0 {
			from = &a
		}
		if i >= first {
			out = append(out, (*from)[0])
		}
		*from = (*from)[1:]
	}
	return out
}

// queryFailed counts an error of a query, and has the file rebuilt when it is damaged.
func (s *Store) queryFailed(err error) error {
	if damaged(err) {
		s.damage.Store(true)
	}
	s.mu.Lock()
	s.stats.queryErrors++
	s.mu.Unlock()
	return err
}
