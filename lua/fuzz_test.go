package lua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/internal/luahostile"
)

// Any source either loads or gives an error with file and line, soon.
func FuzzCompile(f *testing.F) {
	for _, c := range dialectCases {
		f.Add(c.src)
	}
	for _, c := range luahostile.Scripts {
		if len(c.Source) < 1000 {
			f.Add(c.Source)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		started := time.Now()
		_, err := compile("fuzz.lua", src)
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1) {
			t.Errorf("error without position: %#v", err)
		}
		if err != nil && strings.Contains(err.Error(), "cannot be compiled") {
			t.Errorf("fault in the compiler: %v", err)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Any script ends at its limit and never ends the process.
func FuzzRun(f *testing.F) {
	for _, c := range dialectCases {
		f.Add(c.src)
	}
	for _, c := range slices.Concat(conformance, alertConformance) {
		f.Add(strings.TrimLeft(c.call, "NS:"))
	}
	f.Fuzz(func(t *testing.T, src string) {
		c, err := NewCheck(context.Background(), "fuzz.lua", src, Options{TimeLimit: 20 * time.Millisecond})
		if err != nil {
			return
		}
		defer c.Close()
		if c.Runs(alerts.Minute) {
			if _, err := c.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute); err != nil && strings.Contains(err.Error(), "internal error") {
				t.Error(err)
			}
		}
	})
}

// Any arguments of any API function: no panic, and exactly one value.
func FuzzArguments(f *testing.F) {
	f.Add("x", 1.0, true, uint8(0))
	f.Add("192.0.2.0/24", -1.0, false, uint8(3))
	f.Add("\x00\xff", 1e300, true, uint8(200))
	f.Fuzz(func(t *testing.T, text string, number float64, flag bool, pick uint8) {
		var b strings.Builder
		fmt.Fprintf(&b, "local values = {%s, %s, %v, {}, print, {alert_type = 1, key = %s, alert_score = %s, page = %s, perPage = %s, status = %s}}\n",
			quotedLiteral(text), numberLiteral(number), flag, quotedLiteral(text), numberLiteral(number), numberLiteral(number), numberLiteral(number), quotedLiteral(text))
		for _, m := range Modules() {
			for _, fn := range m.Functions {
				fmt.Fprintf(&b, "if select('#', %s.%s(values[%d], values[%d], values[%d], values[%d], values[%d], values[%d])) ~= 1 then error('%s') end\n",
					m.Name, fn.Name, pick%7+1, pick/2%7+1, pick/3%7+1, pick/5%7+1, pick/7%7+1, pick/11%7+1, fn.Name)
			}
		}
		if r, err := runSource(t, b.String(), Options{}); err != nil {
			t.Errorf("%v\n%s", err, r.Output)
		}
	})
}

func quotedLiteral(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		fmt.Fprintf(&b, "\\%03d", s[i])
	}
	b.WriteByte('"')
	return b.String()
}

func numberLiteral(n float64) string {
	if n != n {
		return "(0/0)"
	}
	return strings.NewReplacer("+Inf", "math.huge", "-Inf", "-math.huge").Replace(fmt.Sprint(n))
}

// Any pattern over any string: an error or a match inside the string.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"a*", "(a)(b?)%1", "%b()", "%f[%w]%w+", "[^%s-]-$", "^()", "%", "[", "(()", "[a-]", "[]]", "[^]]", "%z", "."} {
		f.Add("hello (world) aab", p)
	}
	f.Fuzz(func(t *testing.T, src, pat string) {
		m := &matcher{src: src, pat: pat}
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(patternError); !ok {
					panic(r)
				}
			}
		}()
		start, end := m.find(0)
		if start >= 0 && (end < start || end > len(src)) {
			t.Errorf("match %d to %d of %d bytes", start, end, len(src))
		}
		for i := range m.level {
			m.capture(i, start, end)
		}
	})
}
