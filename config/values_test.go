package config

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Size
		err  string
	}{
		{in: "0"}, {in: "1", want: 1}, {in: "4096B", want: 4096}, {in: "1kB", want: 1000}, {in: "1KB", want: 1000},
		{in: "1KiB", want: 1024}, {in: "64MiB", want: 64 << 20}, {in: "64 MiB", want: 64 << 20}, {in: "1.5GB", want: 1_500_000_000},
		{in: "0.1MB", want: 100_000}, {in: "2TiB", want: 2 << 40}, {in: "3TB", want: 3e12}, {in: "0.5KiB", want: 512},
		{in: "9223372036854775807", want: math.MaxInt64}, {in: "8388607TiB", want: 8388607 << 40}, {in: "007", want: 7},
		{in: "9223372036854775808", err: "is more than 9223372036854775807 bytes"},
		{in: "8388608TiB", err: "is more than 9223372036854775807 bytes"},
		{in: "0.1KiB", err: "is not a whole number of bytes"},
		{in: "1.5", err: "is not a whole number of bytes"},
		{in: "64M", err: "write 64MB for powers of 1000 or 64MiB for powers of 1024"},
		{in: "64 k", err: "write 64kB for powers of 1000 or 64KiB for powers of 1024"},
		{in: "", err: "want a size"}, {in: "-1", err: "want a size"}, {in: "+1", err: "want a size"}, {in: "1e3", err: "want a size"},
		{in: "MiB", err: "want a size"}, {in: "1mib", err: "want a size"}, {in: "1  MiB", err: "want a size"}, {in: "1.MiB", err: "want a size"},
		{in: ".5MiB", err: "want a size"}, {in: "1,5GB", err: "want a size"}, {in: "1PB", err: "want a size"}, {in: "1MiB ", err: "want a size"},
		{in: "1_000", err: "want a size"}, {in: "٣MiB", err: "want a size"}, {in: strings.Repeat("9", 1<<20), err: "want a size"},
	} {
		got, err := ParseSize(tt.in)
		checkValue(t, tt.in, int64(got), int64(tt.want), err, tt.err)
	}
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want time.Duration
		err  string
	}{
		{in: "0"}, {in: "0s"}, {in: "90s", want: 90 * time.Second}, {in: "1h30m", want: 90 * time.Minute}, {in: "1d", want: 24 * time.Hour},
		{in: "1w2d", want: 9 * 24 * time.Hour}, {in: "1.5h", want: 90 * time.Minute}, {in: "250ms", want: 250 * time.Millisecond},
		{in: "5us", want: 5 * time.Microsecond}, {in: "5µs", want: 5 * time.Microsecond}, {in: "1m1ms", want: time.Minute + time.Millisecond},
		{in: "30s1m", want: 90 * time.Second}, {in: "0.000000001s", want: 1}, {in: "106751d", want: 106751 * 24 * time.Hour},
		{in: "9223372036854775807ns", want: math.MaxInt64},
		{in: "9223372036854775808ns", err: "is longer than 106751d"},
		{in: "9223372036854775807ns1ns", err: "is longer than 106751d"},
		{in: "106752d", err: "is longer than 106751d"},
		{in: "0.5ns", err: "is finer than a nanosecond"},
		{in: "90", err: "has no unit: write 90s for seconds"}, {in: "1.5", err: "has no unit: write 1.5s for seconds"},
		{in: "-1h", err: "is negative"}, {in: "", err: "want a duration"}, {in: "-1", err: "want a duration"}, {in: "s", err: "want a duration"},
		{in: "1 h", err: "want a duration"}, {in: "+1h", err: "want a duration"}, {in: ".5h", err: "want a duration"}, {in: "1.h", err: "want a duration"},
		{in: "1y", err: "want a duration"}, {in: "1H", err: "want a duration"}, {in: "1h-1m", err: "want a duration"}, {in: "1h ", err: "want a duration"},
		{in: strings.Repeat("1s", 1<<20), err: "want a duration"}, {in: "00", err: "has no unit"},
	} {
		got, err := ParseDuration(tt.in)
		checkValue(t, tt.in, int64(got), int64(tt.want), err, tt.err)
	}
}

func checkValue(t *testing.T, in string, got, want int64, err error, wantErr string) {
	t.Helper()
	switch {
	case wantErr == "" && (err != nil || got != want):
		t.Errorf("%.40q: got %d, %v; want %d", in, got, err, want)
	case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)):
		t.Errorf("%.40q: got %d, error %v; want %q", in, got, err, wantErr)
	}
}

// What String shows, Parse reads; and what Go's own parser reads of a duration, ours reads alike.
func TestValuesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := Size(rapid.Int64Range(0, math.MaxInt64).Draw(t, "size"))
		if got, err := ParseSize(size.String()); err != nil || got != size {
			t.Fatalf("size %d is %s, which reads as %d, %v", int64(size), size, got, err)
		}
		whole := Size(rapid.Int64Range(0, 1<<20).Draw(t, "n")) * Size(rapid.SampledFrom(sizeUnits).Draw(t, "unit").bytes)
		if got, err := ParseSize(whole.String()); err != nil || got != whole {
			t.Fatalf("size %d is %s, which reads as %d, %v", int64(whole), whole, got, err)
		}
		span := rapid.Int64Range(0, math.MaxInt64).Draw(t, "span")
		if rapid.Bool().Draw(t, "round") {
			span = span / 1e9 * 1e9
		}
		d := Duration(span)
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("duration %d is %s, which reads as %d, %v", span, d, got, err)
		}
		if got, err := ParseDuration(d.Std().String()); err != nil || got != d {
			t.Fatalf("%s reads as %s, %v", d.Std(), got, err)
		}
	})
}

func TestValueText(t *testing.T) {
	for want, got := range map[string]string{
		"0": Size(0).String(), "64MiB": Size(64 << 20).String(), "1500MB": Size(1_500_000_000).String(), "1000001": Size(1_000_001).String(),
		"1536MiB": Size(3 << 29).String(), "5kB": Size(5000).String(),
		"90d": Duration(90 * 24 * time.Hour).String(), "2w": Duration(14 * 24 * time.Hour).String(), "1m30s": Duration(90 * time.Second).String(),
		"30m": Duration(30 * time.Minute).String(), "500ms": Duration(500 * time.Millisecond).String(), "1.5us": Duration(1500).String(),
		"1s500ms": Duration(1500 * time.Millisecond).String(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"interface", "ring_size", "snaplen", "promiscuous", "ignore_outgoing", "filter", "max"}
	for name, want := range map[string]string{
		"ring-size": "ring_size", "ringSize": "ring_size", "RING_SIZE": "ring_size", "rign_size": "ring_size", "iterface": "interface",
		"snap_len": "snaplen", "filters": "filter", "promisc": "promiscuous", "zzz": "", "": "", "mx": "max", "abc": "",
		strings.Repeat("ring_size", 1000): "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%.20s: got %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-c]{0,8}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("distance of %q and %q is %d", a, b, d)
		}
	})
	if got := distance("ca", "ac"); got != 1 {
		t.Errorf("a swap costs %d", got)
	}
}
