package alerts

import (
	"context"
	"database/sql"
	"strings"
)

// Columns in the order of their scanning and binding.
const (
	engagedColumns = "network, periodicity, alert_key, row_id, local_network_id, name, alert_id, alert_category, " +
		"subtype, score, tstamp, description, json, ip, host_name, port, check_key"
	pastColumns = engagedColumns + ", tstamp_end, counter, alert_status, user_label, user_label_tstamp"
)

// statements are the prepared ones of the writing connection. Inserts replace, so that a change that
// is written again does no harm.
type statements struct {
	engage, release, past, words, value, forget *sql.Stmt
}

func (s *statements) prepare(ctx context.Context, conn *sql.Conn) error {
	for _, p := range []struct {
		stmt **sql.Stmt
		text string
	}{
		{&s.engage, insert("engaged", engagedColumns)},
		{&s.release, "DELETE FROM engaged WHERE network = ? AND periodicity = ? AND alert_key = ?"},
		{&s.past, insert("network_alerts", pastColumns+", severity, stored")},
		{&s.words, insert("network_alert_words", "rowid, words")},
		{&s.value, insert("cached_values", "network, namespace, value_key, value")},
		{&s.forget, "DELETE FROM cached_values WHERE network = ?"},
	} {
		var err error
		if *p.stmt, err = conn.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

func insert(table, columns string) string {
	return "INSERT OR REPLACE INTO " + table + " (" + columns + ") VALUES (?" +
		strings.Repeat(", ?", strings.Count(columns, ",")) + ")"
}

func (s *statements) close() {
	for _, stmt := range []*sql.Stmt{s.engage, s.release, s.past, s.words, s.value, s.forget} {
		if stmt != nil {
			_ = stmt.Close() // the connection goes next
		}
	}
}

func engagedArgs(a *Alert) []any {
	return []any{a.Network, int(a.Periodicity), a.Key.Key, a.RowID, a.NetworkID, a.NetworkName, a.ID, a.Category,
		a.Subtype, a.Score, a.Time, a.Description, a.JSON, a.IP, a.Name, a.Port, a.Check}
}

// storeEngaged writes an engaged alert.
func (s *statements) storeEngaged(ctx context.Context, a *Alert) error {
	_, err := s.engage.ExecContext(ctx, engagedArgs(a)...)
	return err
}

// storePast writes a past alert and its words.
func (s *statements) storePast(ctx context.Context, a *Alert, stored int64) error {
	args := append(engagedArgs(a), a.End, a.Counter, int(a.Status), a.Label, a.LabelTime, int(a.Severity()), stored)
	if _, err := s.past.ExecContext(ctx, args...); err != nil {
		return err
	}
	_, err := s.words.ExecContext(ctx, a.RowID, indexText(a))
	return err
}

// storeValue writes a cached value.
func (s *statements) storeValue(ctx context.Context, v *Value) error {
	_, err := s.value.ExecContext(ctx, v.Network, v.Namespace, v.Key, v.Value)
	return err
}

func engagedTargets(a *Alert) []any {
	return []any{&a.Network, &a.Periodicity, &a.Key.Key, &a.RowID, &a.NetworkID, &a.NetworkName, &a.ID, &a.Category,
		&a.Subtype, &a.Score, &a.Time, &a.Description, &a.JSON, &a.IP, &a.Name, &a.Port, &a.Check}
}

func pastTargets(a *Alert) []any {
	return append(engagedTargets(a), &a.End, &a.Counter, &a.Status, &a.Label, &a.LabelTime)
}
