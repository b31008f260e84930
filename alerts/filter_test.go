package alerts_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/alerts"
)

func ptr[T any](v T) *T { return &v }

// TestFilters asks both sinks the same of eight past alerts, two of them acknowledged, and two engaged.
func TestFilters(t *testing.T) {
	terms := func(list ...alerts.Term) alerts.Filter { return alerts.Filter{Status: alerts.StatusAny, Where: list} }
	anyOf := func(f alerts.Filter) alerts.Filter { f.Status = alerts.StatusAny; return f }
	for _, tt := range []struct {
		name   string
		filter alerts.Filter
		want   string // keys by row
	}{
		{"nothing given", alerts.Filter{}, "2 3 4 5 6 7"},
		{"acknowledged", alerts.Filter{Status: alerts.StatusAcknowledged}, "0 1"},
		{"engaged", engagedOnly, "8 9"},
		{"any", anyOf(alerts.Filter{}), "0 1 2 3 4 5 6 7 8 9"},
		{"id", anyOf(alerts.Filter{ID: ptr(4001)}), "1 4 7"},
		{"severity", anyOf(alerts.Filter{Severity: ptr(alerts.SeverityError)}), "4 5 6 7"},
		{"periodicity", anyOf(alerts.Filter{Periodicity: ptr(alerts.Hour)}), "1 3 5 7 9"},
		{"periodicity that is none", anyOf(alerts.Filter{Periodicity: ptr(alerts.Periodicity(5))}), ""},
		{"epoch", anyOf(alerts.Filter{Begin: 1004, End: 1006}), "4 5 6"},
		{"begin leaves engaged ones in", anyOf(alerts.Filter{Begin: 1007}), "7 8 9"},
		{"begin after all", anyOf(alerts.Filter{Begin: 2000}), "8 9"},
		{"end", anyOf(alerts.Filter{End: 1001}), "0 1"},
		{"rows", anyOf(alerts.Filter{RowIDs: []int64{2, 4, 77}}), "1 3"},
		{"text", anyOf(alerts.Filter{Text: "FLOW 192.0.2.3"}), "3"},
		{"text prefix", anyOf(alerts.Filter{Text: "flo* 192.0*"}), "0 1 2 3 4 5 6 7 8 9"},
		{"text that only begins a word", anyOf(alerts.Filter{Text: "flo"}), ""},
		{"text within a joined word", anyOf(alerts.Filter{Text: "example"}), "0 1 2 3 4 5 6 7 8 9"},
		{"text of json", anyOf(alerts.Filter{Text: "übergröße"}), "0 1 2 3 4 5 6 7 8 9"},
		{"text that is a query", anyOf(alerts.Filter{Text: `flow" OR words:"x* NOT -`}), ""},
		{"text without a word", anyOf(alerts.Filter{Text: `"'*%`}), ""},
		{"neq is ANDed", terms(alerts.Term{Field: alerts.ByID, Op: alerts.Neq, Number: 4000}, alerts.Term{Field: alerts.ByID, Op: alerts.Neq, Number: 4001}), "2 5 8"},
		{"eq is ORed", terms(alerts.Term{Field: alerts.ByID, Number: 4000}, alerts.Term{Field: alerts.ByID, Number: 4001}), "0 1 3 4 6 7 9"},
		{"score is ANDed", terms(alerts.Term{Field: alerts.ByScore, Op: alerts.Gt, Number: 50}, alerts.Term{Field: alerts.ByScore, Op: alerts.Lte, Number: 150}), "3 4 5 6"},
		{"severities are ORed", terms(alerts.Term{Field: alerts.BySeverity, Op: alerts.Gte, Number: 6}, alerts.Term{Field: alerts.BySeverity, Op: alerts.Lt, Number: 4}), "0 1 8 9"},
		{"time or time", terms(alerts.Term{Field: alerts.ByTime, Number: 1002}, alerts.Term{Field: alerts.ByTime, Op: alerts.In, Number: 1004}), "2 4"},
		{"fields are ANDed", terms(alerts.Term{Field: alerts.ByID, Number: 4000}, alerts.Term{Field: alerts.ByCategory, Op: alerts.NotIn, Number: 0}), "3 9"},
		{"row", terms(alerts.Term{Field: alerts.ByRowID, Op: alerts.Lt, Number: 3}), "0 1"},
		{"name", terms(alerts.Term{Field: alerts.ByNetworkName, Text: "Lan 3"}), "3"},
		{"name is not a pattern", terms(alerts.Term{Field: alerts.ByNetworkName, Op: alerts.In, Text: "%"}), ""},
		{"name contains", terms(alerts.Term{Field: alerts.ByNetworkName, Op: alerts.In, Text: "AN 4"}), "4"},
		{"name does not contain", terms(alerts.Term{Field: alerts.ByNetworkName, Op: alerts.NotIn, Text: "lan"}), "9"},
		{"check", terms(alerts.Term{Field: alerts.ByCheck, Op: alerts.Neq, Text: "flood"}), "8"},
		{"match", anyOf(alerts.Filter{Match: func(a *alerts.Alert) bool { return a.Time%3 == 0 }}), "2 5 8"},
		{"match and others", alerts.Filter{Match: func(a *alerts.Alert) bool { return a.Score > 25 }, Text: "flood", Periodicity: ptr(alerts.Hour)}, "3 5 7"},
		{"quotes", terms(alerts.Term{Field: alerts.BySubtype, Text: `' OR '1'='1`}), ""},
	} {
		each(t, nil, func(t *testing.T, s sink, c *clock) {
			for i := range 10 {
				a := alert(netA, fmt.Sprint(i))
				a.ID, a.Category, a.Score, a.Time = 4000+i%3, i%2, i*25, int64(1000+i)
				a.NetworkName, a.Description = fmt.Sprint("Lan ", i), fmt.Sprint("Flow flood of 192.0.2.", i, ".")
				a.JSON = `{"host":"www.example.com","note":"ÜBERGRÖSSE Übergröße"}`
				if i%2 == 1 {
					a.Periodicity = alerts.Hour
				}
				if i == 8 {
					a.Check = "other"
				}
				if i == 9 {
					a.NetworkName = "\xff\x00"
				}
				if i < 8 {
					must(t, s.Record(a))
				} else if _, err := s.Engage(a); err != nil {
					t.Fatal(err)
				}
				if i == 1 {
					if n, err := s.Acknowledge("", alerts.Filter{}, "l"); n != 2 || err != nil {
						t.Fatal(n, err)
					}
				}
			}
			for _, network := range []string{netA, ""} {
				f := tt.filter
				f.OrderBy = "row_id"
				page, total, err := s.Find(t.Context(), network, f)
				got := strings.Join(keys(page), " ")
				if got != tt.want || total != len(page) || err != nil {
					t.Errorf("%s: %q, total %d, %v; want %q", tt.name, got, total, err, tt.want)
				}
			}
			if _, total := s.Query(netB, tt.filter); total != 0 {
				t.Errorf("%s: %d of another network", tt.name, total)
			}
		})
	}
}

// TestOrderAndPages walks through pages of three in every order and direction.
func TestOrderAndPages(t *testing.T) {
	each(t, nil, func(t *testing.T, s sink, c *clock) {
		for i := range 20 {
			a := alert([]string{netA, netB}[i%2], fmt.Sprint("k", i*7%20))
			a.ID, a.Score, a.Subtype, a.NetworkName = 4000+i%3, i%4*80, fmt.Sprint(i%5), fmt.Sprint(i%2)
			a.Time = int64(1000 + i*3%11)
			if i < 14 {
				must(t, s.Record(a))
			} else if _, err := s.Engage(a); err != nil {
				t.Fatal(err)
			}
		}
		value := map[string]func(a *alerts.Alert) string{
			"":           func(a *alerts.Alert) string { return fmt.Sprintf("%d %d", a.Time, a.RowID+100) },
			"tstamp":     func(a *alerts.Alert) string { return fmt.Sprintf("%d %d", a.Time, a.RowID+100) },
			"tstamp_end": func(a *alerts.Alert) string { return fmt.Sprintf("%5d %d %d", a.End, a.Time, a.RowID+100) },
			"score":      func(a *alerts.Alert) string { return fmt.Sprintf("%4d %d %d", a.Score, a.Time, a.RowID+100) },
			"severity":   func(a *alerts.Alert) string { return fmt.Sprintf("%d %d %d", a.Severity(), a.Time, a.RowID+100) },
			"alert_id":   func(a *alerts.Alert) string { return fmt.Sprintf("%d %d %d", a.ID, a.Time, a.RowID+100) },
			"subtype":    func(a *alerts.Alert) string { return fmt.Sprintf("%s %d %d", a.Subtype, a.Time, a.RowID+100) },
			"name":       func(a *alerts.Alert) string { return fmt.Sprintf("%s %d %d", a.NetworkName, a.Time, a.RowID+100) },
			"row_id":     func(a *alerts.Alert) string { return fmt.Sprint(a.RowID + 100) },
		}
		for order, text := range value {
			for i := range 4 {
				desc := i%2 == 1
				f := alerts.Filter{Status: alerts.StatusAny, OrderBy: order, Descending: desc, PerPage: 3}
				if i >= 2 {
					f.Match = func(*alerts.Alert) bool { return true }
				}
				all, last := 0, ""
				for f.Page = 1; ; f.Page++ {
					page, total := s.Query("", f)
					if total != 20 {
						t.Fatalf("%q: total %d", order, total)
					}
					if len(page) == 0 {
						break
					}
					for i := range page {
						now := text(&page[i])
						if all > 0 && (now >= last) == desc {
							t.Errorf("%q, descending %v: %s after %s", order, desc, now, last)
						}
						last = now
						all++
					}
				}
				if all != 20 || f.Page != 8 {
					t.Errorf("%q: %d alerts on %d pages", order, all, f.Page-1)
				}
			}
		}
		page, _ := s.Query(netA, engagedOnly)
		if diff := cmp.Diff([]string{"k12", "k18", "k6"}, keys(page)); diff != "" {
			t.Errorf("engaged ones go by key (-want +got):\n%s", diff)
		}
	})
}

func TestFilterRefusals(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for _, tt := range []struct {
		filter alerts.Filter
		want   error
	}{
		{alerts.Filter{Status: 4}, alerts.ErrInvalid},
		{alerts.Filter{Status: -1}, alerts.ErrInvalid},
		{alerts.Filter{Page: -1}, alerts.ErrInvalid},
		{alerts.Filter{PerPage: -1}, alerts.ErrInvalid},
		{alerts.Filter{Page: 1 << 60, PerPage: 1 << 10}, alerts.ErrTooLarge},
		{alerts.Filter{Match: func(*alerts.Alert) bool { return true }, Page: 11, PerPage: 1000}, alerts.ErrTooLarge},
		{alerts.Filter{Text: long}, alerts.ErrTooLarge},
		{alerts.Filter{RowIDs: make([]int64, 1001)}, alerts.ErrTooLarge},
		{alerts.Filter{Where: make([]alerts.Term, 65)}, alerts.ErrTooLarge},
		{alerts.Filter{Where: []alerts.Term{{Field: 99}}}, alerts.ErrInvalid},
		{alerts.Filter{Where: []alerts.Term{{Op: 99}}}, alerts.ErrInvalid},
		{alerts.Filter{Where: []alerts.Term{{Field: alerts.ByCheck, Op: alerts.Gt}}}, alerts.ErrInvalid},
		{alerts.Filter{Where: []alerts.Term{{Field: alerts.ByCheck, Text: long}}}, alerts.ErrTooLarge},
	} {
		each(t, nil, func(t *testing.T, s sink, c *clock) {
			must(t, s.Record(alert(netA, "k")))
			if page, total, err := s.Find(t.Context(), netA, tt.filter); !errors.Is(err, tt.want) || len(page)+total > 0 {
				t.Errorf("%+v: %d of %d, %v; want %v", tt.filter, len(page), total, err, tt.want)
			}
		})
	}
}

func TestParseTerms(t *testing.T) {
	for _, tt := range []struct {
		field alerts.Field
		text  string
		want  []alerts.Term
		err   error
	}{
		{alerts.ByID, "4153", []alerts.Term{{Field: alerts.ByID, Number: 4153}}, nil},
		{alerts.BySeverity, "error;gte,3;neq", []alerts.Term{{Field: alerts.BySeverity, Op: alerts.Gte, Number: 5}, {Field: alerts.BySeverity, Op: alerts.Neq, Number: 3}}, nil},
		{alerts.ByNetworkName, "lan;nin", []alerts.Term{{Field: alerts.ByNetworkName, Op: alerts.NotIn, Text: "lan"}}, nil},
		{alerts.ByNetworkName, "", []alerts.Term{{Field: alerts.ByNetworkName}}, nil},
		{alerts.ByScore, "x;gt", nil, alerts.ErrInvalid},
		{alerts.ByScore, "1;like", nil, alerts.ErrInvalid},
		{alerts.ByScore, "99999999999999999999", nil, alerts.ErrInvalid},
		{alerts.ByCheck, strings.Repeat("x", 2000), nil, alerts.ErrTooLarge},
	} {
		got, err := alerts.ParseTerms(tt.field, tt.text)
		if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
			t.Errorf("%q: %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
	for op := alerts.Eq; op <= alerts.NotIn; op++ {
		if got, ok := alerts.ParseOperator(op.String()); got != op || !ok {
			t.Errorf("operator %s", op)
		}
	}
}

// FuzzFilter gives both sinks the same hostile filter: they agree, and nothing but an error of ours
// comes back, so that no text reaches SQLite as SQL or as a query of the index.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"flow", `" OR 1`, "a* NEAR(b)", "'; --", "192.0.2.", "\x00", "ﬀ İ K", "--", "x:y", "{words}:a", "fl*oo* *"} {
		f.Add(seed, seed, uint8(6), uint8(6), int64(0))
	}
	c := newClock()
	cfg := config(c)
	mem := memSink{alerts.NewMem(cfg)}
	cfg.Dir = f.TempDir()
	store := storeSink{openStore(f, cfg)}
	for i, text := range []string{"Flow flood", "x:y İstanbul K", "192.0.2.1 a-b/c@d", "\x00\xff a", "words near not or and", "{\"a\":[1,-2.5e3]}"} {
		a := alert(netA, fmt.Sprint(i))
		a.Description, a.NetworkName, a.Subtype = text, text, text
		for _, s := range []sink{mem, store} {
			must(f, s.Record(a))
		}
	}
	f.Fuzz(func(t *testing.T, text, value string, field, op uint8, number int64) {
		term := alerts.Term{Field: alerts.Field(field), Op: alerts.Operator(op), Number: number, Text: value}
		for _, filter := range []alerts.Filter{{Text: text}, {Where: []alerts.Term{term}, OrderBy: value, Begin: number}} {
			want, total, wantErr := mem.Find(t.Context(), netA, filter)
			got, n, err := store.Find(t.Context(), netA, filter)
			if diff := cmp.Diff(want, got); diff != "" || n != total || (err == nil) != (wantErr == nil) {
				t.Fatalf("%+v: total %d, %v; in memory %d, %v (-mem +store):\n%s", filter, n, err, total, wantErr, diff)
			}
			if err != nil && !errors.Is(err, alerts.ErrInvalid) && !errors.Is(err, alerts.ErrTooLarge) {
				t.Fatal(err)
			}
		}
	})
}
