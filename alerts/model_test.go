package alerts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/netmond/netmond/alerts"
)

// TestStoreIsMem lets a Store and a Mem live through the same: whatever is done, restarts included,
// they answer alike and tell the same events.
func TestStoreIsMem(t *testing.T) {
	base := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		c := newClock()
		cfg := config(c)
		cfg.MaxPerCheckNetwork, cfg.MaxPerCheck, cfg.MaxEngaged, cfg.MaxRows, cfg.MaxAge = 12, 20, 8, 20, time.Hour
		cfg.MaxValues, cfg.MaxValuesPerNetwork = 8, 5
		mem := memSink{alerts.NewMem(cfg)}
		cfg.Dir = fmt.Sprint(base, "/", runs)
		var events []alerts.Event
		cfg.Events = func(e alerts.Event) { events = append(events, e) }
		open := func() storeSink {
			s, err := alerts.Open(cfg, quiet())
			if err != nil {
				t.Fatal(err)
			}
			return storeSink{s}
		}
		store := open()
		defer func() { store.Close() }()
		network := rapid.SampledFrom([]string{netA, netB, "198.51.100.0/24"})
		name := rapid.SampledFrom([]string{"a", "b", "c\x00", "\xff'"})
		draw := func(t *rapid.T) alerts.Alert {
			a := alert(network.Draw(t, "network"), name.Draw(t, "key"))
			a.Periodicity = rapid.SampledFrom([]alerts.Periodicity{0, 1, 4, 7}).Draw(t, "periodicity")
			a.Score = rapid.IntRange(-1, 250).Draw(t, "score")
			a.Check = name.Draw(t, "check")
			a.Time = c.Load()
			a.Description = rapid.SampledFrom([]string{"", "flow flood", "SYN-scan of 192.0.2.9"}).Draw(t, "description")
			return a
		}
		op := rapid.Custom(func(t *rapid.T) alerts.Op {
			o := alerts.Op{Kind: rapid.SampledFrom([]alerts.OpKind{alerts.OpEngage, alerts.OpEngage, alerts.OpRelease, alerts.OpRecord, alerts.OpSet}).Draw(t, "kind")}
			o.Alert = draw(t)
			o.Alert.End = c.Load() + int64(rapid.IntRange(-5, 5).Draw(t, "end"))
			o.Value = alerts.Value{Network: o.Alert.Network, Namespace: rapid.IntRange(-1, 6).Draw(t, "ns"), Key: o.Alert.Check, Value: o.Alert.Description}
			return o
		})
		// Row numbers of what a restart loaded are the same; the counter begins anew, and so do scores that
		// fade and quotas: the model's clock goes on beyond them at a restart.
		same := cmpopts.IgnoreFields(alerts.Alert{}, "Counter")
		check := func(t *rapid.T, what string, want, got any) {
			if diff := cmp.Diff(want, got, same, cmpopts.EquateEmpty(), cmpopts.EquateErrors()); diff != "" {
				t.Fatalf("%s (-mem +store):\n%s", what, diff)
			}
		}
		class := func(err error) error {
			for _, e := range []error{alerts.ErrQuota, alerts.ErrFull, alerts.ErrInvalid, alerts.ErrTooLarge} {
				if errors.Is(err, e) {
					return e
				}
			}
			return err
		}
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				ops := rapid.SliceOfN(op, 1, 6).Draw(t, "ops")
				want, got := mem.Apply(ops), store.Apply(ops)
				for i := range want {
					check(t, fmt.Sprintf("op %d, errors %v and %v", i, want[i].Err, got[i].Err), class(want[i].Err), class(got[i].Err))
					want[i].Err, got[i].Err = nil, nil
				}
				check(t, "results", want, got)
				check(t, "trim", nil, store.Tend())
			},
			"clock": func(t *rapid.T) {
				c.Add(int64(rapid.IntRange(0, 1000).Draw(t, "seconds")))
				check(t, "trim", nil, store.Tend())
			},
			"acknowledge": func(t *rapid.T) {
				f := alerts.Filter{Status: alerts.StatusAny, Text: rapid.SampledFrom([]string{"", "syn"}).Draw(t, "text")}
				if rapid.Bool().Draw(t, "match") {
					f.Match = func(a *alerts.Alert) bool { return a.Score%2 == 0 }
				}
				n, err := mem.Acknowledge(netA, f, "l")
				m, err2 := store.Acknowledge(netA, f, "l")
				check(t, "acknowledged", []any{n, err}, []any{m, err2})
			},
			"delete": func(t *rapid.T) {
				f := alerts.Filter{Where: []alerts.Term{{Field: alerts.ByScore, Op: alerts.Lt, Number: rapid.Int64Range(0, 250).Draw(t, "score")}}}
				if rapid.Bool().Draw(t, "match") {
					f.Match = func(a *alerts.Alert) bool { return a.Time%2 == 0 }
				}
				n, err := mem.Delete(netB, f)
				m, err2 := store.Delete(netB, f)
				check(t, "deleted", []any{n, err}, []any{m, err2})
			},
			"orphans": func(t *rapid.T) {
				check1, networks := name.Draw(t, "check"), []string{netA, network.Draw(t, "network")}
				owned := func(a *alerts.Alert) bool { return a.Check == check1 || a.Check == "b" }
				want, err := mem.ReleaseOrphans(owned, networks, c.Load())
				got, err2 := store.ReleaseOrphans(owned, networks, c.Load())
				check(t, "orphans", []any{want, err}, []any{got, err2})
				check(t, "trim", nil, store.Tend())
			},
			"restart": func(t *rapid.T) {
				c.Add(120)
				check(t, "close", nil, store.Close())
				store = open()
				check(t, "trim", nil, store.Tend())
			},
			"": func(t *rapid.T) {
				for _, n := range []string{netA, netB, "198.51.100.0/24"} {
					check(t, "view of "+n, mem.AlertView(n), store.AlertView(n))
					for ns := range alerts.NumPeriodicities {
						for _, k := range []string{"a", "b", "c\x00", "\xff'"} {
							check(t, "value", mem.CachedValue(n, ns, k), store.CachedValue(n, ns, k))
						}
					}
					for _, f := range []alerts.Filter{engagedOnly, {}, {Status: alerts.StatusAny, OrderBy: "score", Descending: true, Page: 2, PerPage: 4}} {
						want, total := mem.Query(n, f)
						got, total2 := store.Query(n, f)
						check(t, fmt.Sprintf("query %+v, totals %d and %d", f, total, total2), want, got)
						check(t, "total", total, total2)
					}
				}
			},
		})
		check(t, "close", nil, store.Close())
		check(t, "events", mem.Events(), events)
	})
}
