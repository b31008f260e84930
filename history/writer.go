package history

import (
	"context"
	"database/sql"
)

const (
	insertChunks = "INSERT OR REPLACE INTO chunks (step, series, start, count, points) VALUES (?, ?, ?, ?, ?)"
	insertApps   = "INSERT OR REPLACE INTO apps (step, series, start, apps) VALUES (?, ?, ?, ?)"
)

// A writer is a transaction that writes many rows: each statement is compiled once, and the table of sizes
// learns at the end what came to it.
type writer struct {
	*sql.Tx
	inserts map[string]*sql.Stmt // by text; the transaction's end closes them
	sizes   map[sizeKey]int
}

type sizeKey struct {
	table string
	step  int64
}

func (w *writer) insert(ctx context.Context, query string, args ...any) error {
	st := w.inserts[query]
	if st == nil {
		var err error
		if st, err = w.PrepareContext(ctx, query); err != nil {
			return err
		}
		w.inserts[query] = st
	}
	_, err := st.ExecContext(ctx, args...)
	return err
}

// grew notes that the blobs of a table and step grew.
func (w *writer) grew(table string, step int64, by int) { w.sizes[sizeKey{table, step}] += by }

func (w *writer) resize(ctx context.Context) error {
	for k, by := range w.sizes {
		if _, err := w.ExecContext(ctx, "INSERT INTO sizes (tbl, step, bytes) VALUES (?, ?, max(?, 0)) ON CONFLICT DO UPDATE SET bytes = max(bytes + ?, 0)", k.table, k.step, by, by); err != nil {
			return err
		}
	}
	return nil
}

func (d *database) transact(ctx context.Context, f func(*writer) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	w := &writer{Tx: tx, inserts: map[string]*sql.Stmt{}, sizes: map[sizeKey]int{}}
	if err = f(w); err == nil {
		err = w.resize(ctx)
	}
	if err != nil {
		_ = tx.Rollback() // err tells
		d.forgetIDs(ctx)
		return err
	}
	if err := tx.Commit(); err != nil {
		d.forgetIDs(ctx)
		return err
	}
	return nil
}
