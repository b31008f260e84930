package lua

import (
	"fmt"
	"math"
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// formatUtilsModule turns numbers into text for people.
func (v *VM) formatUtilsModule() glua.LValue {
	scaled := func(step float64, units []string) glua.LGFunction {
		return func(l *glua.LState) int {
			l.Push(glua.LString(scale(argNumber(l, 1), step, units)))
			return 1
		}
	}
	return v.library(map[string]glua.LGFunction{
		"round": func(l *glua.LState) int {
			unit := math.Pow(10, float64(max(min(optInt(l, 2, 0), 15), -15)))
			l.Push(glua.LNumber(math.Floor(argNumber(l, 1)*unit+0.5) / unit))
			return 1
		},
		"bytesToSize":   scaled(1024, []string{"Bytes", "KB", "MB", "GB", "TB", "PB"}),
		"bitsToSize":    scaled(1000, []string{"bps", "Kbps", "Mbps", "Gbps", "Tbps", "Pbps"}),
		"pktsToSize":    scaled(1000, []string{"pps", "Kpps", "Mpps", "Gpps", "Tpps", "Ppps"}),
		"formatPackets": func(l *glua.LState) int { return pushText(l, group(argNumber(l, 1))+" Pkts") },
		"formatValue":   func(l *glua.LState) int { return pushText(l, group(argNumber(l, 1))) },
		"secondsToTime": func(l *glua.LState) int { return pushText(l, duration(argNumber(l, 1))) },
		"formatEpoch": func(l *glua.LState) int {
			t := v.clock()
			if l.Get(1) != glua.LNil {
				t = time.Unix(int64(max(min(argNumber(l, 1), 1<<40), 0)), 0)
			}
			return pushText(l, t.Local().Format("02/01/2006 15:04:05"))
		},
	})
}

func pushText(l *glua.LState, s string) int {
	l.Push(glua.LString(s))
	return 1
}

// scale is n with the largest unit that leaves at least 1.
func scale(n, step float64, units []string) string {
	i := 0
	for math.Abs(n) >= step && i < len(units)-1 {
		n /= step
		i++
	}
	if i == 0 {
		return formatNumber(math.Round(n*100)/100) + " " + units[0]
	}
	return fmt.Sprintf("%.2f %s", n, units[i])
}

// group is n rounded, with a comma before each three digits.
func group(n float64) string {
	if math.IsNaN(n) || math.Abs(n) >= 1<<63 {
		return formatNumber(n)
	}
	digits := fmt.Sprintf("%d", int64(math.Abs(math.Round(n))))
	var b strings.Builder
	if n <= -0.5 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// duration is seconds as days, hours, minutes and seconds.
func duration(n float64) string {
	if math.IsNaN(n) || n < 0 || n > 1<<53 {
		return formatNumber(n) + " sec"
	}
	s := int64(n)
	if s < 60 {
		return fmt.Sprintf("%d sec", s)
	}
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if s < 3600 {
		text = fmt.Sprintf("%02d:%02d", s/60, s%60)
	}
	switch days := s / 86400; days {
	case 0:
		return text
	case 1:
		return "1 day, " + text
	default:
		return fmt.Sprintf("%d days, %s", days, text)
	}
}

// restResults are the results that rest_utils.consts names, with HTTP status and return code.
var restResults = []struct {
	group, name string
	status, rc  int
	text        string
}{
	{"success", "ok", 200, 0, "OK"},
	{"err", "not_found", 404, -1, "Not found"},
	{"err", "invalid_interface", 400, -2, "Invalid interface"},
	{"err", "not_granted", 401, -3, "Not granted"},
	{"err", "invalid_args", 400, -5, "Invalid arguments"},
	{"err", "internal_error", 500, -6, "Internal error"},
	{"err", "bad_format", 400, -7, "Bad format"},
}

// An Answer is what a script gave to rest_utils.answer.
type Answer struct {
	Status      int // HTTP status
	ContentType string
	Body        string
}

// restUtilsModule answers REST requests; the last answer of a run is the run's.
func (v *VM) restUtilsModule() glua.LValue {
	consts := v.table("success", v.state.NewTable(), "err", v.state.NewTable())
	for _, r := range restResults {
		consts.RawGetString(r.group).(*glua.LTable).RawSetString(r.name,
			v.table("http_code", r.status, "rc", r.rc, "str", strings.ToUpper(r.name), "text", r.text))
	}
	t := v.library(map[string]glua.LGFunction{
		"answer":                   func(l *glua.LState) int { return v.restAnswer(l, glua.LNil) },
		"extended_answer":          func(l *glua.LState) int { return v.restAnswer(l, l.Get(3)) },
		"vanilla_payload_response": v.restVanilla,
	})
	t.RawSetString("consts", consts)
	return t
}

func restResult(l *glua.LState, value glua.LValue) (t *glua.LTable, status int, ok bool) {
	if t, ok = value.(*glua.LTable); !ok {
		return nil, 0, false
	}
	status, ok = numberIn(l, t, "http_code")
	return t, status, ok && status >= 100 && status <= 599
}

// restAnswer is answer(const, payload) and extended_answer(const, payload, additional).
func (v *VM) restAnswer(l *glua.LState, additional glua.LValue) int {
	result, status, ok := restResult(l, l.Get(1))
	if !ok {
		return v.argumentError(l, "rest_utils.answer", 1, "const", "a value of rest_utils.consts")
	}
	out := v.table("rc", result.RawGetString("rc"), "rc_str", result.RawGetString("str"), "rc_str_hr", result.RawGetString("text"))
	payload := l.Get(2)
	if payload == glua.LNil {
		payload = v.state.NewTable()
	}
	out.RawSetString("rsp", payload)
	if extra, ok := additional.(*glua.LTable); ok {
		extra.ForEach(func(key, value glua.LValue) {
			if name, ok := key.(glua.LString); ok && key != hiddenKey {
				out.RawSetString(string(name), value)
			}
		})
	}
	text, err := v.encodeJSON(l, out)
	if err != nil {
		l.RaiseError("rest_utils.answer: payload: %s", err.Error())
	}
	v.run.answer = &Answer{Status: status, ContentType: "application/json", Body: text}
	return 0
}

// restVanilla is vanilla_payload_response(const, text, type).
func (v *VM) restVanilla(l *glua.LState) int {
	_, status, ok := restResult(l, l.Get(1))
	if !ok {
		return v.argumentError(l, "rest_utils.vanilla_payload_response", 1, "const", "a value of rest_utils.consts")
	}
	text, ok := concatText(l.Get(2))
	if !ok {
		return v.argumentError(l, "rest_utils.vanilla_payload_response", 2, "text", "string")
	}
	kind := optString(l, 3, "text/plain; charset=utf-8")
	if strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
		return v.argumentError(l, "rest_utils.vanilla_payload_response", 3, "type", "media type")
	}
	v.run.answer = &Answer{Status: status, ContentType: kind, Body: text}
	return 0
}
