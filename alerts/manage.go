package alerts

import (
	"context"
	"strings"
)

// windowRows is how many rows Acknowledge and Delete look at in one step.
const windowRows = 10_000

// Acknowledge labels the past alerts that f selects and says how many; pages do not matter. Of an
// alert that is acknowledged it changes the label. It works through the rows in steps: after an error
// (ErrFailing while the disk fails, or the disk's own) some are done.
func (s *Store) Acknowledge(network string, f Filter, label string) (int, error) {
	q, err := f.compileMany(network, label)
	if err != nil {
		return 0, err
	}
	return s.eachWindow(q, func(ctx context.Context, w *where) (n int64, err error) {
		now := s.state.now()
		err = s.db.transact(ctx, func() error {
			r, err := s.db.write.ExecContext(ctx, "UPDATE network_alerts NOT INDEXED SET alert_status = 1, user_label = ?, "+
				"user_label_tstamp = ?"+w.text.String(), append([]any{label, now}, w.args...)...)
			if err == nil {
				n, err = r.RowsAffected()
			}
			return err
		})
		return n, err
	})
}

// Delete forgets the past alerts that f selects and says how many; pages do not matter. It works in
// steps, as Acknowledge does.
func (s *Store) Delete(network string, f Filter) (int, error) {
	q, err := f.compileMany(network, "")
	if err != nil {
		return 0, err
	}
	return s.eachWindow(q, func(ctx context.Context, w *where) (int64, error) {
		var rows []any
		err := eachRow(ctx, s.db, "SELECT row_id FROM network_alerts NOT INDEXED"+w.text.String(), func(scan func(...any) error) error {
			var row int64
			err := scan(&row)
			rows = append(rows, row)
			return err
		}, w.args...)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		return int64(len(rows)), s.deleteRows(ctx, "IN (?"+strings.Repeat(", ?", len(rows)-1)+")", len(rows), rows...)
	})
}

// eachWindow lets the writer change, window after window, the rows that there are now.
func (s *Store) eachWindow(q *selection, change func(context.Context, *where) (int64, error)) (total int, err error) {
	s.mu.Lock()
	last := s.state.lastRow
	s.mu.Unlock()
	from := int64(0)
	if err := s.do(func(ctx context.Context) (err error) {
		from, err = s.db.number(ctx, "SELECT coalesce(min(row_id), 0) FROM network_alerts")
		return err
	}); err != nil {
		return 0, err
	}
	for ; from <= last; from += windowRows {
		w := q.condition("row_id", from, min(from+windowRows-1, last))
		if err := s.do(func(ctx context.Context) error {
			if q.Match != nil {
				if some, err := q.narrow(ctx, s.db, w); err != nil || !some {
					return err
				}
			}
			n, err := change(ctx, w)
			total += int(n)
			return err
		}); err != nil {
			return total, err
		}
	}
	return total, nil
}

// narrow adds to w the rows that Match selects; some is false when there are none.
func (q *selection) narrow(ctx context.Context, db *database, w *where) (some bool, err error) {
	var rows []any
	err = eachRow(ctx, db, "SELECT "+pastColumns+" FROM network_alerts"+w.text.String(), func(scan func(...any) error) error {
		var a Alert
		if err := scan(pastTargets(&a)...); err != nil {
			return err
		}
		if q.Match(&a) {
			rows = append(rows, a.RowID)
		}
		return nil
	}, w.args...)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	w.and("row_id IN (?"+strings.Repeat(", ?", len(rows)-1)+")", rows...)
	return true, nil
}

// do has the writer run f after all changes that wait.
func (s *Store) do(f func(context.Context) error) error {
	t := task{f, make(chan error, 1)}
	select {
	case s.tasks <- t:
		return <-t.done
	case <-s.done:
		return ErrClosed
	}
}
