package history

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite" // and the driver "sqlite"
)

const (
	databaseName = "history.db"
	// applicationID marks our files: "nmhi" in the header field of that name (SQLite file format, 1.3).
	applicationID = 0x6e6d6869
	schemaVersion = 1
	pageBytes     = 32768
)

//go:embed schema/001.sql
var schema string

var errForeign = errors.New("not a history of this version")

// A database is the open file: one connection that writes, some that read. NORMAL with WAL loses
// nothing when the process is killed, and at a power cut what the last seconds brought.
type database struct {
	path  string
	write *sql.DB
	read  *sql.DB
	ids   map[string]int64 // of series; the writer's
}

func dsn(file string, pragmas ...string) string {
	p := filepath.ToSlash(file)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	q := url.Values{"_pragma": append(pragmas, "busy_timeout(1000)", "trusted_schema(0)", "cell_size_check(1)", "temp_store(2)")}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// openDatabase opens the file of cfg.Dir, new when it is not there. One that is no sound history is
// set aside.
func openDatabase(ctx context.Context, cfg *Config) (*database, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(cfg.Dir, databaseName)
	d, err := tryDatabase(ctx, file, cfg.MaxDisk)
	if err == nil || !damaged(err) {
		return d, err
	}
	aside := file + ".damaged-" + time.Now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if e := os.Rename(file+suffix, aside+suffix); e != nil && !errors.Is(e, os.ErrNotExist) {
			return nil, errors.Join(err, e)
		}
	}
	cfg.Log.Error("history cannot be read: set aside, a new one begins", "file", file, "renamed", aside, "err", err)
	return tryDatabase(ctx, file, cfg.MaxDisk)
}

// damaged reports whether the file, and not the disk, is at fault.
func damaged(err error) bool {
	var e *sqlite.Error
	return errors.Is(err, errForeign) || errors.As(err, &e) && (e.Code()&0xff == 11 || e.Code()&0xff == 26) // SQLITE_CORRUPT, SQLITE_NOTADB
}

func tryDatabase(ctx context.Context, file string, maxDisk int64) (_ *database, err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if n := info.Size(); n > 0 && n < 100 { // SQLite takes what is shorter than its header for new
		return nil, fmt.Errorf("%d bytes: %w", n, errForeign)
	}
	d := &database{path: file, ids: map[string]int64{}}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.write, err = sql.Open("sqlite", dsn(file, "synchronous(NORMAL)",
		"journal_size_limit(8388608)", "cache_size(-4096)", fmt.Sprintf("max_page_count(%d)", maxDisk/pageBytes))); err != nil {
		return nil, err
	}
	d.write.SetMaxOpenConns(1)
	// Both stay with the file. The size of the pages is that of a new one: chunks are long.
	for _, pragma := range []string{fmt.Sprintf("page_size = %d", pageBytes), "journal_mode = WAL"} {
		if _, err := d.write.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return nil, err
		}
	}
	if err := d.migrate(ctx); err != nil {
		return nil, err
	}
	if err := d.loadIDs(ctx); err != nil {
		return nil, err
	}
	if d.read, err = sql.Open("sqlite", dsn(file, "query_only(1)", "cache_size(-2048)")); err != nil {
		return nil, err
	}
	d.read.SetMaxOpenConns(4)
	return d, d.sealFrames(ctx)
}

func (d *database) migrate(ctx context.Context) error {
	var app, version, objects int64
	row := d.write.QueryRowContext(ctx, "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)")
	if err := row.Scan(&app, &version, &objects); err != nil {
		return err
	}
	switch {
	case app == applicationID && version == schemaVersion:
		return nil
	case app != 0 || version != 0 || objects != 0:
		return fmt.Errorf("application id %#x, version %d: %w", app, version, errForeign)
	}
	_, err := d.write.ExecContext(ctx, fmt.Sprintf("BEGIN; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", schema, applicationID, schemaVersion))
	return err
}

func (d *database) loadIDs(ctx context.Context) error {
	rows, err := d.write.QueryContext(ctx, "SELECT id, name FROM series")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		d.ids[name] = id
	}
	return rows.Err()
}

func (d *database) close() error {
	var errs []error
	for _, db := range []*sql.DB{d.read, d.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// oldest is the time of the first point of all, ns since the Unix epoch; 0 when there is none.
func (d *database) oldest(ctx context.Context) (oldest int64, err error) {
	rows, err := d.write.QueryContext(ctx, "SELECT DISTINCT step FROM sizes WHERE tbl = 'chunks'")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var steps []int64
	for rows.Next() {
		var step int64
		if err := rows.Scan(&step); err != nil {
			return 0, err
		}
		steps = append(steps, step)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, step := range steps {
		for _, id := range d.ids {
			var start sql.NullInt64
			if err := d.write.QueryRowContext(ctx, "SELECT min(start) FROM chunks WHERE step = ? AND series = ?", step, id).Scan(&start); err != nil {
				return 0, err
			}
			if at := start.Int64 * step * int64(time.Second); start.Valid && (oldest == 0 || at < oldest) {
				oldest = at
			}
		}
	}
	return oldest, nil
}

// usedBytes is the size of the pages that hold something.
func (d *database) usedBytes(ctx context.Context) (n int64, err error) {
	err = d.write.QueryRowContext(ctx, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size").Scan(&n)
	return n, err
}

// id gives a series' number, new if it has none.
func (d *database) id(ctx context.Context, tx *writer, name string) (int64, error) {
	if id, ok := d.ids[name]; ok {
		return id, nil
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO series (name) VALUES (?)", name)
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	if err == nil {
		d.ids[name] = id
	}
	return id, err
}

// forgetIDs reads the numbers anew after a transaction that did not come to its end.
func (d *database) forgetIDs(ctx context.Context) {
	clear(d.ids)
	_ = d.loadIDs(ctx) // a series that it misses is refused as double by the next transaction, which tells
}

// A stored is a chunk of the file.
type stored struct {
	start  int64
	points []point
}

// chunks reads what tier step has of a series between two steps. Chunks that cannot be read are left
// out and counted.
func (d *database) chunks(ctx context.Context, db *sql.DB, step, series, from, to int64) (list []stored, bad int, err error) {
	rows, err := db.QueryContext(ctx, "SELECT start, points FROM chunks WHERE step = ? AND series = ? AND start > ? AND start < ?", step, series, from-maxChunk, to)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var start int64
		var blob []byte
		if err := rows.Scan(&start, &blob); err != nil {
			return nil, 0, err
		}
		points, err := decode(blob)
		if err != nil {
			bad++
			continue
		}
		if start+int64(len(points)) > from {
			list = append(list, stored{start, points})
		}
	}
	return list, bad, rows.Err()
}

// seriesID is the number of a series in the file, for readers.
func (d *database) seriesID(ctx context.Context, name string) (id int64, ok bool, err error) {
	err = d.read.QueryRowContext(ctx, "SELECT id FROM series WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return id, err == nil, err
}
