package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// A batch is what waits for the file.
type batch struct {
	chunks  []pendingChunk
	apps    []pendingApps
	deletes []rewound
}

type pendingChunk struct {
	of   *series
	tier int
	sealedChunk
}

type pendingApps struct {
	of   *series
	tier int
	appStep
}

// A rewound is a tier whose steps from one on are to be dropped, for the clock was set back.
type rewound struct {
	step, from int64
}

func (b *batch) rewind(s *Store, tier int, limit int64) {
	b.chunks = slices.DeleteFunc(b.chunks, func(c pendingChunk) bool { return c.tier == tier && c.start+int64(c.count) > limit })
	b.deletes = append(b.deletes, rewound{int64(s.tiers[tier].Step / time.Second), limit})
}

// maxPending is the most chunks that wait while the file takes none, by series.
const maxPending = 16

// Run writes what is recorded to the file until ctx ends, and once more then. Without a file it waits
// for ctx.
func (s *Store) Run(ctx context.Context) error {
	for {
		select {
		case <-s.wake:
			s.Flush(ctx) // its error is in Stats and the log, and the next flush tries again
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx))
		}
	}
}

// Flush writes what was recorded since the last flush. What the file does not take waits for the next
// one, up to a bound.
func (s *Store) Flush(ctx context.Context) error {
	if s.db == nil {
		return nil
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	todo, frames, ends, aged := s.pending, s.framesLocked(), make([]int64, len(s.tiers)), s.aged
	for i := range s.tiers {
		ends[i] = s.tiers[i].now
	}
	s.pending = batch{}
	s.flushed = s.last
	s.mu.Unlock()

	used, err := s.write(ctx, &todo, frames, ends, aged)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failLocked(&todo, err)
		return err
	}
	if s.status.Failing {
		s.log.Info("history is written again")
	}
	s.status.Failing, s.status.DiskBytes = false, used
	for i := range s.tiers {
		s.tiers[i].flushed = max(s.tiers[i].flushed, ends[i])
	}
	s.releaseLocked(&todo)
	return nil
}

// framesLocked are the points of the open chunks that are in no frame yet; under mu.
func (s *Store) framesLocked() (all []frame) {
	for i := range s.tiers {
		t := &s.tiers[i]
		from := max(t.flushed, t.now-t.now%int64(t.chunk))
		count := int(t.now - from)
		if count <= 0 {
			continue
		}
		f := frame{step: int64(t.Step / time.Second), start: from, count: count}
		for _, x := range s.list {
			if x.tiers[i].open == nil {
				continue
			}
			at := int(from % int64(t.chunk))
			points := slices.Clone(x.tiers[i].open[at : at+count])
			if !slices.ContainsFunc(points, func(p point) bool { return !p.absent() }) {
				continue
			}
			f.names, f.points = append(f.names, x.name), append(f.points, points)
		}
		if len(f.names) > 0 {
			all = append(all, f)
		}
	}
	return all
}

// write puts a flush into one transaction. ends are the steps under way; ages are told from aged.
func (s *Store) write(ctx context.Context, todo *batch, frames []frame, ends []int64, aged int64) (used int64, err error) {
	d := s.db
	err = d.transact(ctx, func(tx *writer) error {
		for _, r := range todo.deletes {
			for _, q := range []string{"DELETE FROM chunks WHERE step = ? AND start + count > ?", "DELETE FROM frames WHERE step = ? AND start + count > ?"} {
				if _, err := tx.ExecContext(ctx, q, r.step, r.from); err != nil {
					return err
				}
			}
		}
		sealed := map[int]bool{}
		for _, c := range todo.chunks {
			id, err := d.id(ctx, tx, c.of.name)
			if err != nil {
				return err
			}
			if err := d.insertSealed(ctx, tx, s.seconds(c.tier), id, c.sealedChunk); err != nil {
				return err
			}
			sealed[c.tier] = true
		}
		for _, a := range todo.apps {
			id, err := d.id(ctx, tx, a.of.name)
			if err != nil {
				return err
			}
			step := int64(appTiers[a.tier].Step / time.Second)
			if err := tx.insert(ctx, insertApps, step, id, a.start, a.blob); err != nil {
				return err
			}
			tx.grew("apps", step, len(a.blob))
		}
		for i := range frames {
			if err := d.insertFrame(ctx, tx, &frames[i]); err != nil {
				return err
			}
		}
		for i := range s.tiers {
			t := &s.tiers[i]
			boundary := ends[i] - ends[i]%int64(t.chunk)
			if _, err := tx.ExecContext(ctx, "DELETE FROM frames WHERE step = ? AND start + count <= ?", s.seconds(i), boundary); err != nil {
				return err
			}
			if sealed[i] {
				if err := d.expire(ctx, tx, "chunks", s.seconds(i), aged/t.step-t.keep); err != nil {
					return err
				}
			}
		}
		if len(todo.apps) > 0 {
			for _, t := range appTiers {
				if err := d.expire(ctx, tx, "apps", int64(t.Step/time.Second), aged/int64(t.Step)-int64(t.Keep/t.Step)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return s.keepWithin(ctx)
}

// seconds is the step of a tier as the file has it.
func (s *Store) seconds(tier int) int64 { return int64(s.tiers[tier].Step / time.Second) }

func (d *database) insertFrame(ctx context.Context, tx *writer, f *frame) error {
	ids := make([]int64, len(f.names))
	for i, name := range f.names {
		var err error
		if ids[i], err = d.id(ctx, tx, name); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO frames (step, start, count, points) VALUES (?, ?, ?, ?)", f.step, f.start, f.count, f.encode(ids))
	return err
}

// maxExpired bounds the rows that one flush drops of a table's step, by series.
const maxExpired = 2

// expire drops rows of a table that end before step oldest.
func (d *database) expire(ctx context.Context, tx *writer, table string, step, oldest int64) error {
	condition := "start < ?2" // the index tells
	if table == "chunks" {
		condition += " AND start + count <= ?2"
	}
	return d.drop(ctx, tx, table, step, condition, oldest)
}

// drop deletes rows of a step that meet the condition, at most maxExpired for each series. It is one statement
// for all series: one for each took more than half of what recording 10,000 networks costs (BenchmarkAdd).
func (d *database) drop(ctx context.Context, tx *writer, table string, step int64, condition string, limit int64) error {
	blob := map[string]string{"chunks": "points", "apps": "apps"}[table]
	rows, err := tx.QueryContext(ctx, "DELETE FROM "+table+" WHERE (step, series, start) IN (SELECT step, series, start FROM "+table+
		" WHERE step = ?1 AND series IN (SELECT id FROM series) AND "+condition+" LIMIT ?3) RETURNING length("+blob+")", step, limit, maxExpired*len(d.ids))
	if err != nil {
		return err
	}
	bytes := 0
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			rows.Close()
			return err
		}
		bytes += n
	}
	tx.grew(table, step, -bytes)
	return errors.Join(rows.Err(), rows.Close())
}

// keepWithin drops the oldest of what takes most until nine tenths of the bound are not passed, and
// gives the bytes used.
func (s *Store) keepWithin(ctx context.Context) (int64, error) {
	d := s.db
	for {
		used, err := d.usedBytes(ctx)
		if err != nil || used <= s.cfg.MaxDisk/10*9 {
			return used, err
		}
		var table string
		var step, bytes int64
		err = d.write.QueryRowContext(ctx, "SELECT tbl, step, bytes FROM sizes ORDER BY bytes DESC LIMIT 1").Scan(&table, &step, &bytes)
		if errors.Is(err, sql.ErrNoRows) || bytes == 0 {
			return used, nil
		}
		if err != nil {
			return used, err
		}
		dropped := 0
		err = d.transact(ctx, func(tx *writer) error {
			oldest := int64(1) << 62
			for _, id := range d.ids {
				var start sql.NullInt64
				if err := tx.QueryRowContext(ctx, "SELECT min(start) FROM "+table+" WHERE step = ? AND series = ?", step, id).Scan(&start); err != nil {
					return err
				}
				if start.Valid {
					oldest = min(oldest, start.Int64)
					dropped++
				}
			}
			// As much time as its oldest chunks hold goes from all series alike.
			var span int64 = 1
			if table == "chunks" {
				if err := tx.QueryRowContext(ctx, "SELECT max(count) FROM chunks WHERE step = ? AND start = ?", step, oldest).Scan(&span); err != nil {
					return err
				}
			}
			return d.drop(ctx, tx, table, step, "start < ?2", oldest+span)
		})
		if err != nil {
			return used, err
		}
		if dropped == 0 { // sizes said otherwise
			_, err := d.write.ExecContext(ctx, "UPDATE sizes SET bytes = 0 WHERE tbl = ? AND step = ?", table, step)
			if err != nil {
				return used, err
			}
		}
		s.mu.Lock()
		s.status.Shortened += uint64(dropped)
		s.mu.Unlock()
	}
}

// releaseLocked drops from memory what the file has now; under mu.
func (s *Store) releaseLocked(done *batch) {
	for _, c := range done.chunks {
		list := c.of.tiers[c.tier].sealed
		if i := slices.IndexFunc(list, func(o sealedChunk) bool { return o.start == c.start }); i >= 0 {
			c.of.tiers[c.tier].sealed = slices.Delete(list, i, i+1)
			s.held -= int64(len(c.blob)) + sealedBytes
		}
	}
	for _, a := range done.apps {
		list := a.of.apps.kept[a.tier]
		if i := slices.IndexFunc(list, func(o appStep) bool { return o.start == a.start }); i >= 0 {
			a.of.apps.kept[a.tier] = slices.Delete(list, i, i+1)
			s.held -= int64(len(a.blob)) + sealedBytes
		}
	}
}

// failLocked keeps what the file did not take for the next flush, within the bound; under mu.
func (s *Store) failLocked(todo *batch, err error) {
	if !s.status.Failing {
		s.log.Error("history cannot be written; it is kept in memory as far as the bound goes", "file", s.db.path, "err", err)
	}
	s.status.Failing, s.status.LastError = true, err.Error()
	s.status.Failures++
	s.pending.deletes = append(todo.deletes, s.pending.deletes...)
	s.pending.chunks = append(todo.chunks, s.pending.chunks...)
	s.pending.apps = append(todo.apps, s.pending.apps...)
	room := s.cfg.MaxMemory - int64(len(s.series))*s.openBytes()
	most := maxPending * max(len(s.series), 1)
	for s.held > max(room, 0) || len(s.pending.chunks)+len(s.pending.apps) > most {
		lost := batch{}
		if n := min(len(s.pending.chunks), max(len(s.series), 1)); n > 0 {
			lost.chunks, s.pending.chunks = s.pending.chunks[:n], s.pending.chunks[n:]
		} else if n := min(len(s.pending.apps), max(len(s.series), 1)); n > 0 {
			lost.apps, s.pending.apps = s.pending.apps[:n], s.pending.apps[n:]
		} else {
			return
		}
		s.status.Dropped++
		s.releaseLocked(&lost)
	}
}

// Close writes what is left and closes the file.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	return errors.Join(s.Flush(context.Background()), s.db.close())
}
