package alerts

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite" // and the driver "sqlite"
)

// Names in the data directory.
const (
	databaseName = "alerts.db"
	lockName     = "alerts.lock"
)

// headerBytes is the length of SQLite's file header; it takes what is shorter for a new file.
const headerBytes = 100

// applicationID marks our files: "nmal" in the header field of that name (SQLite file format, 1.3).
const applicationID = 0x6e6d616c

// migrations are schema/NNN.sql; NNN is the user_version that a file makes.
//
//go:embed schema/*.sql
var migrations embed.FS

// Times that opening may take.
const (
	busyTimeout = 1000                   // ms, for a lock that another program holds
	checkBudget = 300 * time.Millisecond // for quick_check; a file that takes longer is checked by its use
)

// errDamaged is wrapped when a file is not, or not any more, a database of ours.
var errDamaged = errors.New("not a sound alert database")

// SQLite's primary result codes (sqlite.org/rescode.html).
const (
	codeError   = 1 // of SQL text: no such table and the like
	codeCorrupt = 11
	codeNotADB  = 26
)

// damaged reports whether err says that the file, and not the disk, is bad.
func damaged(err error) bool {
	var e *sqlite.Error
	return errors.Is(err, errDamaged) ||
		errors.As(err, &e) && (e.Code()&0xff == codeCorrupt || e.Code()&0xff == codeNotADB)
}

// ofSchema marks an error of our own SQL as damage: the schema is not the one that its version says.
func ofSchema(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == codeError {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// A database is one open file: one connection that writes, and some that read. FULL with WAL syncs the
// log at each commit; a checkpoint syncs log and file in the right order.
type database struct {
	path    string
	pool    *sql.DB // of the writing connection alone
	write   *sql.Conn
	read    *sql.DB
	inserts statements
}

// dsn names the file with what each connection sets. trusted_schema and cell_size_check are against
// files made to harm.
func dsn(file string, pragmas ...string) string {
	p := filepath.ToSlash(file)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p // a drive letter
	}
	q := url.Values{"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeout),
		"trusted_schema(0)", "cell_size_check(1)", "temp_store(2)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Path: p, RawQuery: q.Encode()}).String()
}

// openDatabase opens the file, new when it is not there, and brings its schema up to date. Errors wrap
// errDamaged or are SQLite's when the file is at fault, and ErrNewerSchema when it is too new.
func openDatabase(ctx context.Context, file string) (_ *database, err error) {
	if err := touch(file); err != nil {
		return nil, err
	}
	d := &database{path: file}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.pool, err = sql.Open("sqlite", dsn(file, "auto_vacuum(2)", "journal_mode(WAL)", "synchronous(FULL)",
		"fullfsync(1)", "journal_size_limit(16777216)", "cache_size(-8192)")); err != nil {
		return nil, err
	}
	d.pool.SetMaxOpenConns(1)
	if d.write, err = d.pool.Conn(ctx); err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		return nil, err
	}
	if err := d.inserts.prepare(ctx, d.write); err != nil {
		return nil, ofSchema(err)
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if d.read, err = sql.Open("sqlite", dsn(file, "query_only(1)", "cache_size(-4096)")); err != nil {
		return nil, err
	}
	d.read.SetMaxOpenConns(4)
	d.read.SetMaxIdleConns(4)
	return d, nil
}

// touch makes the file so that only its owner may read it, and refuses what SQLite should not touch.
func touch(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	if wal, err := os.Stat(file + "-wal"); err == nil && st.Size() == 0 && wal.Size() > 0 {
		return fmt.Errorf("empty beside a log of %d bytes: %w", wal.Size(), errDamaged)
	}
	if size := st.Size(); size > 0 && size < headerBytes {
		return fmt.Errorf("%d bytes: %w", size, errDamaged)
	}
	return nil
}

func (d *database) close() error {
	var errs []error
	d.inserts.close()
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	if d.pool != nil {
		errs = append(errs, d.pool.Close())
	}
	return errors.Join(errs...)
}

// number asks for one number.
func (d *database) number(ctx context.Context, query string) (n int64, err error) {
	err = d.write.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}

// migrate runs the schema files that the database has not seen, each in one transaction.
func (d *database) migrate(ctx context.Context) error {
	var version, app, objects int64
	for _, ask := range []struct {
		query string
		into  *int64
	}{
		{"PRAGMA application_id", &app},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &objects},
	} {
		var err error
		if *ask.into, err = d.number(ctx, ask.query); err != nil {
			return err
		}
	}
	files, err := migrations.ReadDir("schema")
	if err != nil {
		return err
	}
	switch latest := int64(len(files)); {
	case app == 0 && version == 0 && objects == 0: // new
	case app != applicationID:
		return fmt.Errorf("made by another program (application id %#x): %w", app, errDamaged)
	case version > latest:
		return fmt.Errorf("%s has schema version %d, this netmond knows %d: %w", d.path, version, latest, ErrNewerSchema)
	case version < 1:
		return fmt.Errorf("schema version %d: %w", version, errDamaged)
	}
	for i := version; i < int64(len(files)); i++ {
		body, err := migrations.ReadFile(path.Join("schema", files[i].Name()))
		if err != nil {
			return err
		}
		err = d.transact(ctx, func() error {
			_, err := d.write.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d",
				body, applicationID, i+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("schema version %d: %w", i+1, ofSchema(err))
		}
	}
	return nil
}

// transact runs f in a transaction of the writing connection.
func (d *database) transact(ctx context.Context, f func() error) error {
	if _, err := d.write.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		_, err = d.write.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// SQLite has rolled back already after some errors; then this one says so, and is no news.
		_, _ = d.write.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

// probe writes something that changes nothing.
func (d *database) probe(ctx context.Context) error {
	version, err := d.number(ctx, "PRAGMA user_version")
	if err == nil {
		_, err = d.write.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	}
	return err
}

// quickCheck looks for structural damage, as far as the budget goes.
func (d *database) quickCheck(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, checkBudget)
	defer cancel()
	var answer string
	err := d.write.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&answer)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return nil
	case err != nil:
		return err
	case answer != "ok":
		return fmt.Errorf("%s: %w", answer, errDamaged)
	}
	return nil
}

// usedBytes is the size of the pages that hold something.
func (d *database) usedBytes(ctx context.Context) (int64, error) {
	return d.number(ctx, "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
}

// setAside renames the file and its log, which no one has open, and gives the new name.
func setAside(file string, now time.Time) (string, error) {
	name := file + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s.damaged-%s-%d", file, now.UTC().Format("20060102T150405Z"), n)
	}
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(file+suffix, name+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return name, syncDir(filepath.Dir(file))
}
