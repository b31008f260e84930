package lua

import (
	"fmt"
	"net/http"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

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

// An Answer is what a script answers to a request.
type Answer struct {
	Status      int // HTTP status, 200 to 599
	ContentType string
	// Header holds other headers by canonical name, only those of answerHeaders; no value has a control
	// character.
	Header map[string]string
	Body   string
	// Warnings are wrong uses of the API, and printed text that is not part of the body, for the log.
	Warnings []string
}

// answerHeaders are the headers that a script can set. Others belong to the server: a script opens
// neither the daemon's cookies nor its connections.
var answerHeaders = map[string]bool{
	"Cache-Control": true, "Content-Disposition": true, "Content-Language": true, "Etag": true,
	"Expires": true, "Last-Modified": true, "Pragma": true, "Retry-After": true,
}

// maxHeaderValue bounds one header, in bytes.
const maxHeaderValue = 1024

// set takes one header of a script; bad says why not. Content-Type goes to its own field.
func (a *Answer) set(name, value string) (bad string) {
	name = http.CanonicalHeaderKey(strings.TrimSpace(name))
	value = strings.TrimSpace(value)
	switch {
	case !printableASCII(value) || len(value) > maxHeaderValue:
		return fmt.Sprintf("header %.40q: the value is too long or has characters that are not printable ASCII", name)
	case name == "Content-Type":
		a.ContentType = value
	case !answerHeaders[name]:
		return fmt.Sprintf("header %.40q is not for scripts", name)
	default:
		if a.Header == nil {
			a.Header = make(map[string]string)
		}
		a.Header[name] = value
	}
	return ""
}

// printableASCII reports whether s has no control character, so that it cannot end a header.
func printableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// restUtilsModule answers REST requests; the last answer of a run is the run's.
func (v *VM) restUtilsModule() glua.LValue {
	consts := v.table("success", v.state.NewTable(), "err", v.state.NewTable())
	for _, r := range restResults {
		consts.RawGetString(r.group).(*glua.LTable).RawSetString(r.name,
			v.table("http_code", r.status, "rc", r.rc, "str", strings.ToUpper(r.name), "text", r.text))
	}
	t := v.library(map[string]glua.LGFunction{
		"answer":                   func(l *glua.LState) int { return v.restAnswer(l, "rest_utils.answer", glua.LNil, l.Get(3)) },
		"extended_answer":          func(l *glua.LState) int { return v.restAnswer(l, "rest_utils.extended_answer", l.Get(3), l.Get(4)) },
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
	return t, status, ok && status >= 200 && status <= 599
}

// addHeaders takes a table of headers by name; what is refused is a warning.
func (v *VM) addHeaders(l *glua.LState, function string, a *Answer, headers glua.LValue) {
	t, ok := headers.(*glua.LTable)
	if !ok {
		return
	}
	t.ForEach(func(key, value glua.LValue) {
		name, okName := key.(glua.LString)
		text, okText := concatText(value)
		bad := "headers are a table of strings by name"
		if okName && okText {
			bad = a.set(string(name), text)
		}
		if bad != "" {
			v.stats.ArgumentErrors++
			v.warn(l, function+": "+bad)
		}
	})
}

// restAnswer is answer(const, payload, headers) and extended_answer(const, payload, additional, headers).
func (v *VM) restAnswer(l *glua.LState, function string, additional, headers glua.LValue) int {
	result, status, ok := restResult(l, l.Get(1))
	if !ok {
		return v.argumentError(l, function, 1, "const", "a value of rest_utils.consts")
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
		l.RaiseError("%s: payload: %s", function, err.Error())
	}
	a := &Answer{Status: status, ContentType: "application/json", Body: text}
	v.addHeaders(l, function, a, headers)
	v.run.answer = a
	return 0
}

// restVanilla is vanilla_payload_response(const, text, type, headers).
func (v *VM) restVanilla(l *glua.LState) int {
	const function = "rest_utils.vanilla_payload_response"
	_, status, ok := restResult(l, l.Get(1))
	if !ok {
		return v.argumentError(l, function, 1, "const", "a value of rest_utils.consts")
	}
	text, ok := concatText(l.Get(2))
	if !ok {
		return v.argumentError(l, function, 2, "text", "string")
	}
	kind := optString(l, 3, "text/plain; charset=utf-8")
	if !printableASCII(kind) || len(kind) > maxHeaderValue {
		return v.argumentError(l, function, 3, "type", "media type")
	}
	a := &Answer{Status: status, ContentType: kind, Body: text}
	v.addHeaders(l, function, a, l.Get(4))
	v.run.answer = a
	return 0
}
