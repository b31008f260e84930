package history

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/netmond/netmond/localnets"
)

const office = "192.0.2.0/24"

var ctx = context.Background()

// A feed makes the samples of one network.
type feed struct {
	s     *Store
	nets  localnets.Snapshot
	r     localnets.Readings
	total Totals
	score uint64
}

func newFeed(t testing.TB, cfg Config, cidrs ...string) *feed {
	t.Helper()
	s, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{s: s}
	f.have(cidrs...)
	return f
}

// have changes the networks, whose counters begin at zero.
func (f *feed) have(cidrs ...string) {
	f.nets.Generation++
	f.r = localnets.Readings{Values: make([]localnets.Reading, len(cidrs)), Protocols: make([][]localnets.ProtocolCounts, len(cidrs))}
	for i, c := range cidrs {
		f.r.Networks = append(f.r.Networks, localnets.Network{ID: int32(i), Prefix: netip.MustParsePrefix(c)})
	}
}

// gain adds traffic to the first network and gives the sample of a time.
func (f *feed) add(at time.Time, in, out uint64) {
	alerts := map[string]Alerts{}
	for i := range f.r.Values {
		n := &f.r.Values[i]
		n.Traffic[localnets.Ingress].Bytes += in
		n.Traffic[localnets.Ingress].Packets += in / 100
		n.Traffic[localnets.Egress].Bytes += out
		if f.score > 0 {
			alerts[f.r.Networks[i].Prefix.String()] = Alerts{f.score, f.score / 10}
		}
	}
	f.total.Bytes += in + out
	f.s.Add(&Sample{Time: at.UnixNano(), Nets: &f.nets, Readings: &f.r, Totals: f.total, Alerts: alerts})
}

func (f *feed) sum(t testing.TB, series string, field Field, from, to time.Time, step time.Duration) *FieldSeries {
	t.Helper()
	r, err := f.s.Range(ctx, Request{Series: series, Fields: []Field{field}, From: from.UnixNano(), To: to.UnixNano(), MaxPoints: 1 << 20, Step: step})
	if err != nil {
		t.Fatal(err)
	}
	if step != 0 && r.Resolution != step {
		t.Fatalf("resolution %v, want %v", r.Resolution, step)
	}
	return &r.Fields[0]
}

// noon is the beginning of a step of all tiers but the day's quarter hours.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
