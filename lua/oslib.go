package lua

import (
	"fmt"
	"math"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// osLib is clock and calendar: nothing of the machine can be read or changed. During a check the time
// is the check's, which is capture time when files are read. Time zone is the process's.
func (v *VM) osLib() map[string]glua.LGFunction {
	return map[string]glua.LGFunction{
		"clock": func(l *glua.LState) int {
			l.Push(glua.LNumber(time.Since(v.run.started).Seconds()))
			return 1
		},
		"date": v.osDate,
		"difftime": func(l *glua.LState) int {
			l.Push(glua.LNumber(argNumber(l, 1) - argNumber(l, 2)))
			return 1
		},
		"time": v.osTime,
	}
}

func (v *VM) osTime(l *glua.LState) int {
	if l.Get(1) == glua.LNil {
		l.Push(glua.LNumber(v.clock().Unix()))
		return 1
	}
	t := argTable(l, 1)
	field := func(name string, fallback int) int {
		value := t.RawGetString(name)
		if value == glua.LNil && fallback >= 0 {
			return fallback
		}
		n, ok := toInteger(value)
		if !ok || n > math.MaxInt32 || n < math.MinInt32 {
			l.RaiseError("field '%s' missing or out of range in date table", name)
		}
		return int(n)
	}
	d := time.Date(field("year", -1), time.Month(field("month", -1)), field("day", -1),
		field("hour", 12), field("min", 0), field("sec", 0), 0, time.Local)
	l.Push(glua.LNumber(d.Unix()))
	return 1
}

func (v *VM) osDate(l *glua.LState) int {
	format := optString(l, 1, "%c")
	t := v.clock()
	if l.Get(2) != glua.LNil {
		sec := argNumber(l, 2)
		if math.IsNaN(sec) || math.Abs(sec) > 1<<40 {
			l.ArgError(2, "time out of range")
		}
		t = time.Unix(int64(math.Floor(sec)), 0)
	}
	t = t.Local()
	if rest, utc := strings.CutPrefix(format, "!"); utc {
		format, t = rest, t.UTC()
	}
	if strings.HasPrefix(format, "*t") {
		l.Push(dateTable(l, t))
		return 1
	}
	text, bad := strftime(t, format)
	if bad != "" {
		l.ArgError(1, "invalid conversion specifier '"+bad+"'")
	}
	checkStringSize(l, len(text))
	l.Push(glua.LString(text))
	return 1
}

func dateTable(l *glua.LState, t time.Time) *glua.LTable {
	d := l.NewTable()
	for _, f := range []struct {
		name  string
		value int
	}{
		{"year", t.Year()}, {"month", int(t.Month())}, {"day", t.Day()}, {"hour", t.Hour()},
		{"min", t.Minute()}, {"sec", t.Second()}, {"yday", t.YearDay()}, {"wday", int(t.Weekday()) + 1},
	} {
		d.RawSetString(f.name, glua.LNumber(f.value))
	}
	d.RawSetString("isdst", glua.LBool(t.IsDST()))
	return d
}

// strftimeFormats are C's conversions in the C locale that a Go layout can say.
var strftimeFormats = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'j': "002", 'm': "01",
	'M': "04", 'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06",
	'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

// strftime formats t; bad is the first conversion that C does not have.
func strftime(t time.Time, format string) (text, bad string) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i >= len(format) {
			return "", "%"
		}
		c := format[i]
		if layout, ok := strftimeFormats[c]; ok {
			b.WriteString(t.Format(layout))
			continue
		}
		isoYear, isoWeek := t.ISOWeek()
		weekday := int(t.Weekday())
		switch c {
		case '%':
			b.WriteByte('%')
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'C':
			fmt.Fprintf(&b, "%02d", t.Year()/100)
		case 'g':
			fmt.Fprintf(&b, "%02d", isoYear%100)
		case 'G':
			fmt.Fprintf(&b, "%d", isoYear)
		case 's':
			fmt.Fprintf(&b, "%d", t.Unix())
		case 'u':
			fmt.Fprintf(&b, "%d", (weekday+6)%7+1)
		case 'U':
			fmt.Fprintf(&b, "%02d", (t.YearDay()+6-weekday)/7)
		case 'V':
			fmt.Fprintf(&b, "%02d", isoWeek)
		case 'w':
			fmt.Fprintf(&b, "%d", weekday)
		case 'W':
			fmt.Fprintf(&b, "%02d", (t.YearDay()+6-(weekday+6)%7)/7)
		default:
			return "", "%" + string(rune(c))
		}
	}
	return b.String(), ""
}
