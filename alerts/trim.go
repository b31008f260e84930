package alerts

import (
	"context"
	"fmt"
	"time"
)

// Bounds of one step, between which callers get their turn.
const (
	trimRows   = 1000 // rows deleted
	vacuumPage = 1000 // free pages given back to the file system
)

// A trimmer goes down to a mark once a bound was passed; 0 when there is nothing to do.
type trimmer struct {
	rows  int
	bytes int64
	rest  int // looks to leave out after an error
}

// trimFailed leaves trimming alone for a minute. Whether the store is failing is for commits to tell.
func (s *Store) trimFailed(err error) {
	if damaged(err) {
		s.damage.Store(true)
		return
	}
	s.trim.rest = int(time.Minute / tendEvery)
	s.mu.Lock()
	s.stats.errors++
	s.mu.Unlock()
	s.log.Warn("trim past alerts", "err", err)
}

// tend keeps past alerts within their bounds of number, size and age, oldest first.
func (s *Store) tend(ctx context.Context) {
	if s.trim.rest > 0 {
		s.trim.rest--
		return
	}
	for more := true; more; {
		var err error
		if more, err = s.tendStep(ctx); err != nil {
			s.trimFailed(err)
			return
		}
		if more && s.flush(ctx) != nil {
			return
		}
		select {
		case <-s.stop:
			return
		default:
		}
	}
}

// tendStep does a part and reports whether there is more to do.
func (s *Store) tendStep(ctx context.Context) (more bool, err error) {
	if s.db == nil {
		return false, nil
	}
	used, err := s.db.usedBytes(ctx)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	rows, most := s.stats.rows, s.cfg.MaxRows
	s.stats.usedBytes = used
	s.mu.Unlock()
	t := &s.trim
	if rows > most {
		t.rows = fourFifths(most)
	}
	if used > s.cfg.MaxDBBytes {
		t.bytes = s.cfg.MaxDBBytes / 5 * 4
	}
	count := 0
	if t.rows > 0 {
		count = min(max(rows-t.rows, 0), trimRows)
	}
	if used <= t.bytes {
		t.bytes = 0
	}
	if t.bytes > 0 { // as if all rows were alike and nothing else in the file; the next step looks again
		share := float64(used-t.bytes) / float64(used)
		count = max(count, min(int(share*float64(rows))+1, trimRows))
	}
	n, err := s.deleteOldest(ctx, count)
	if err != nil {
		return false, err
	}
	if n == 0 {
		*t = trimmer{}
		return s.vacuum(ctx)
	}
	return true, nil
}

// deleteOldest deletes the oldest count rows and, of the oldest trimRows, those that are too old.
func (s *Store) deleteOldest(ctx context.Context, count int) (n int, err error) {
	s.mu.Lock()
	cutoff := s.state.now() - int64(s.cfg.MaxAge/time.Second)
	s.mu.Unlock()
	var last int64
	done := false
	err = eachRow(ctx, s.db, fmt.Sprintf("SELECT row_id, stored FROM network_alerts ORDER BY row_id LIMIT %d", trimRows),
		func(scan func(...any) error) error {
			var row, stored int64
			if err := scan(&row, &stored); err != nil {
				return err
			}
			if done = done || n >= count && stored >= cutoff; !done {
				last = row
				n++
			}
			return nil
		})
	if err != nil || n == 0 {
		return 0, err
	}
	return n, s.deleteRows(ctx, "<= ?", n, last)
}

// deleteRows deletes n rows by a condition on their number.
func (s *Store) deleteRows(ctx context.Context, condition string, n int, args ...any) error {
	err := s.db.transact(ctx, func() error {
		for _, text := range []string{
			"DELETE FROM network_alert_words WHERE rowid " + condition,
			"DELETE FROM network_alerts WHERE row_id " + condition,
		} {
			if _, err := s.db.write.ExecContext(ctx, text, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.stats.rows -= n
	s.stats.trimmed += uint64(n)
	s.mu.Unlock()
	return nil
}

// vacuum gives free pages back when they are more than a quarter, and reports whether there are more.
// What is below is filled again soon by new alerts.
func (s *Store) vacuum(ctx context.Context) (more bool, err error) {
	pages, err := s.db.number(ctx, "PRAGMA page_count")
	if err != nil {
		return false, err
	}
	free, err := s.db.number(ctx, "PRAGMA freelist_count")
	if err != nil || free < vacuumPage || free <= pages/4 {
		return false, err
	}
	_, err = s.db.write.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPage))
	return err == nil, err
}
