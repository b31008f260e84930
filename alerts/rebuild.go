package alerts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// newSuffix is of the file that is being filled to take a damaged one's place.
const newSuffix = ".new"

// start loads the file that is there, or begins one.
func (s *Store) start(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); errors.Is(err, os.ErrNotExist) {
		// A crash between the two renames of a rebuild.
		if err := os.Rename(file+newSuffix, file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	db, err := openDatabase(ctx, file)
	if err == nil {
		if err = s.load(ctx, db); err != nil {
			s.state = newState(&s.cfg)
		} else {
			err = db.quickCheck(ctx)
		}
		if err == nil {
			s.db = db
			s.readers.Store(db)
			return nil
		}
		err = errors.Join(err, db.close())
	}
	if !damaged(err) {
		return err
	}
	return s.rebuild(ctx, err)
}

// load fills the working copy. Rows that no Sink would have taken are left out.
func (s *Store) load(ctx context.Context, db *database) error {
	left := 0
	if err := eachRow(ctx, db, "SELECT "+engagedColumns+" FROM engaged", func(scan func(...any) error) error {
		var a Alert
		if err := scan(engagedTargets(&a)...); err != nil {
			return err
		}
		if a.check() != nil || s.find(a.Key) != nil {
			left++
			return nil
		}
		s.insert(a)
		return nil
	}); err != nil {
		return err
	}
	if err := eachRow(ctx, db, "SELECT network, namespace, value_key, value FROM cached_values", func(scan func(...any) error) error {
		var v Value
		if err := scan(&v.Network, &v.Namespace, &v.Key, &v.Value); err != nil {
			return err
		}
		if v.check() != nil {
			left++
			return nil
		}
		c := &cachedValue{Value: v}
		s.state.network(v.Network).values[valueID{v.Namespace, v.Key}] = c
		s.state.values++
		s.state.valueLen += len(v.Key) + len(v.Value)
		return nil
	}); err != nil {
		return err
	}
	rows, err := db.number(ctx, "SELECT count(*) FROM network_alerts")
	if err != nil {
		return err
	}
	last, err := db.number(ctx, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'network_alerts'")
	if err != nil {
		return err
	}
	s.stats.rows = int(rows)
	s.state.lastRow = max(s.state.lastRow, last)
	if left > 0 {
		s.log.Warn("rows of the alert database left out", "rows", left)
	}
	return nil
}

// find is in the working copy; insert adds to it and keeps the row number.
func (s *Store) find(key Key) *engagedAlert { return s.state.find(key) }

func (s *Store) insert(a Alert) {
	s.state.lastRow = max(s.state.lastRow, a.RowID)
	s.state.insert(a.engagedAs(a.RowID))
}

// eachRow calls f for each row of a query on the writing connection.
func eachRow(ctx context.Context, db *database, query string, f func(scan func(...any) error) error, args ...any) error {
	rows, err := db.write.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			// A column whose type is not the schema's: the file was tampered with.
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
	}
	return rows.Err()
}

// rebuild sets a damaged file aside and puts one with the working copy in its place; the past stays in
// the damaged file. The new file is complete before the old one goes, so that a crash loses neither.
// After an error db is nil, and it may be called again: then why may be nil.
func (s *Store) rebuild(ctx context.Context, why error) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if why != nil {
		s.broken = why
	}
	if s.db != nil {
		_ = s.db.close() // of a damaged file an error is no news
		s.db = nil
		s.readers.Store(nil)
	}
	file := filepath.Join(s.cfg.Dir, databaseName)
	if s.broken != nil {
		if err := s.replace(ctx, file); err != nil {
			return err
		}
	}
	db, err := openDatabase(ctx, file)
	if err != nil {
		if damaged(err) {
			s.broken = err
		}
		return err
	}
	s.db = db
	s.readers.Store(db)
	return nil
}

// replace makes the new file and renames both.
func (s *Store) replace(ctx context.Context, file string) error {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(file + newSuffix + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	db, err := openDatabase(ctx, file+newSuffix)
	if err != nil {
		return err
	}
	if err := errors.Join(s.fill(ctx, db), db.close()); err != nil {
		return err
	}
	name, err := setAside(file, time.Now())
	if err != nil {
		return err
	}
	if err := os.Rename(file+newSuffix, file); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return err
	}
	s.mu.Lock()
	s.stats.setAside++
	s.stats.rows = 0
	s.mu.Unlock()
	s.log.Warn("damaged alert database set aside, a new one begun", "file", name, "err", s.broken)
	s.broken = nil
	return nil
}

// fill writes the working copy into a new file. The changes that wait are in it already, and writing
// them again changes nothing.
func (s *Store) fill(ctx context.Context, db *database) error {
	s.mu.Lock()
	var engaged []Alert
	var values []Value
	last := s.state.lastRow
	for _, n := range s.state.networks {
		for _, e := range n.engaged {
			engaged = append(engaged, e.alert)
		}
		for _, c := range n.values {
			values = append(values, c.Value)
		}
	}
	s.mu.Unlock()
	return db.transact(ctx, func() error {
		for i := range engaged {
			if err := db.inserts.storeEngaged(ctx, &engaged[i]); err != nil {
				return err
			}
		}
		for i := range values {
			if err := db.inserts.storeValue(ctx, &values[i]); err != nil {
				return err
			}
		}
		_, err := db.write.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ('network_alerts', ?)", last)
		return err
	})
}
