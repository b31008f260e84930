package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/localnets"
)

func TestTableFitsTheWidth(t *testing.T) {
	s := snaptest.Office()
	s.Nets.Networks[0].Alias = strings.Repeat("long-", 60)
	s.Nets.Networks[3].Alias = strings.Repeat("idle-", 60)
	r := New(s, officeErrors())
	for _, width := range []int{1, 40, 41, 60, 79, 80, 100, 132, 200} {
		text := string(written(t, func(w io.Writer) error { return r.WriteTable(w, TableOptions{Width: width}) }))
		for _, line := range strings.Split(text, "\n") {
			if got := utf8.RuneCountInString(line); got > max(width, minWidth) {
				t.Errorf("width %d: line of %d: %q", width, got, line)
			}
		}
		for _, n := range s.Nets.Networks {
			if cidr := n.Prefix.String(); width >= 60 && !strings.Contains(text, cidr) {
				t.Errorf("width %d: network %s is missing", width, cidr)
			}
		}
	}
}

// TestTableErrors is of the place of an error, which a file as a whole has not.
func TestTableErrors(t *testing.T) {
	r := New(snaptest.Office(), []InputError{{File: "gone.pcap", Error: "no such file"}, {File: "cut.pcap", Offset: 40, Error: "is cut"}})
	text := string(written(t, func(w io.Writer) error { return r.WriteTable(w, TableOptions{Width: 200}) }))
	for _, want := range []string{"\n  gone.pcap: no such file\n", "\n  cut.pcap: at byte 40: is cut\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("table has no %q:\n%s", want, text)
		}
	}
}

func TestTableCannotSteerTheTerminal(t *testing.T) {
	s := snaptest.Office()
	hostile := "\x1b]0;owned\x07\r\n\u202e\xff\x00"
	for i := range s.Nets.Networks {
		s.Nets.Networks[i].Alias, s.Nets.Networks[i].Name = hostile, hostile
		for j := range s.Nets.Networks[i].Protocols {
			s.Nets.Networks[i].Protocols[j].Name = hostile
		}
	}
	r := New(s, []InputError{{File: hostile, Error: hostile}})
	for name, write := range map[string]func(io.Writer) error{
		"table": func(w io.Writer) error { return r.WriteTable(w, TableOptions{Width: 200}) },
		"csv":   r.WriteCSV,
	} {
		for _, c := range string(written(t, write)) {
			if c != '\n' && (!strconv.IsPrint(c) || c == utf8.RuneError) {
				t.Errorf("%s holds %U", name, c)
			}
		}
	}
}

func TestColorOnlyWhenAsked(t *testing.T) {
	r := New(snaptest.Office(), officeErrors())
	plain := written(t, func(w io.Writer) error { return r.WriteTable(w, TableOptions{}) })
	color := written(t, func(w io.Writer) error { return r.WriteTable(w, TableOptions{Color: true}) })
	if strings.Contains(string(plain), "\x1b") {
		t.Error("the plain table holds escape sequences")
	}
	stripped := regexp.MustCompile("\x1b\\[[0-9]*m").ReplaceAllString(string(color), "")
	if stripped != string(plain) {
		t.Errorf("colour changes more than colour:\n%s\nwant\n%s", stripped, plain)
	}
}

func TestWriteErrorsAreReturned(t *testing.T) {
	r := New(snaptest.Office(), officeErrors())
	full := len(written(t, r.WriteJSON))
	want := errors.New("disk full")
	for _, after := range []int{0, 1, full / 2, full - 1} {
		for name, write := range map[string]func(io.Writer) error{
			"json":  r.WriteJSON,
			"csv":   r.WriteCSV,
			"table": func(w io.Writer) error { return r.WriteTable(w, TableOptions{}) },
		} {
			w := &failing{left: after, err: want}
			if err := write(w); w.failed && !errors.Is(err, want) {
				t.Errorf("%s after %d bytes: error %v, want %v", name, after, err, want)
			}
		}
	}
}

// failing takes so many bytes, then fails.
type failing struct {
	left   int
	err    error
	failed bool
}

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > f.left {
		f.failed = true
		return f.left, f.err
	}
	f.left -= len(b)
	return len(b), nil
}

func TestSharesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Uint64(), 1, int(localnets.NumScopes)).Draw(t, "parts")
		some, got := false, 0
		for i, s := range shares(parts) {
			if s < 0 || parts[i] == 0 && s != 0 {
				t.Fatalf("share %d of part %d", s, parts[i])
			}
			some = some || parts[i] > 0
			got += s
		}
		if some && got != 1000 {
			t.Fatalf("shares of %v add up to %d", parts, got)
		}
	})
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{siBytes(0), "0 B"},
		{siBytes(999), "999 B"},
		{siBytes(1000), "1.00 kB"},
		{siBytes(9_994), "9.99 kB"},
		{siBytes(9_995), "10.0 kB"},
		{siBytes(99_949), "99.9 kB"},
		{siBytes(99_950), "100 kB"},
		{siBytes(999_499), "999 kB"},
		{siBytes(999_500), "1.00 MB"},
		{siBytes(math.MaxUint64), "18.4 EB"},
		{grouped(0), "0"},
		{grouped(1000), "1,000"},
		{grouped(math.MaxUint64), "18,446,744,073,709,551,615"},
		{duration(0), "0 ns"},
		{duration(1_500), "1.5 µs"},
		{duration(999_499), "999 µs"},
		{duration(999_500), "1 ms"},
		{duration(999_500_000), "1.0 s"},
		{duration(59_949_999_999), "59.9 s"},
		{duration(59_950_000_000), "1 min 0 s"},
		{duration(3_599_600_000_000), "1 h 0 min"},
		{duration(math.MaxUint64), "213,503 d 23 h"},
		{percent(0, 0), "0.0%"},
		{percent(1, 1_000_000), "<0.1%"},
		{percent(math.MaxUint64, math.MaxUint64), "100.0%"},
		{fit("abcdef", 3), "ab…"},
		{fit("abc", 3), "abc"},
		{printable("a\tb\xffü\u202e"), `a\tb\xffü\u202e`},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTimesOfAnyDistance(t *testing.T) {
	s := snaptest.Office()
	s.Capture.First, s.Capture.Last = math.MinInt64, math.MaxInt64
	text := string(written(t, func(w io.Writer) error { return New(s, nil).WriteTable(w, TableOptions{}) }))
	if want := "in " + duration(math.MaxUint64); !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{10, 65_536} {
		r := New(snaptest.Many(n), nil)
		for name, write := range map[string]func(io.Writer) error{
			"json":  r.WriteJSON,
			"csv":   r.WriteCSV,
			"table": func(w io.Writer) error { return r.WriteTable(w, TableOptions{}) },
		} {
			b.Run(fmt.Sprintf("%s/networks=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				w := &counter{}
				for b.Loop() {
					w.n = 0
					if err := write(w); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(w.n), "B")
			})
		}
	}
}

type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }
