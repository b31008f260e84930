package lua

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func runRequest(src string, req Request, opts Options) (*Answer, error) {
	return RunRequest(context.Background(), "rest/test.lua", src, req, testSnapshot(), testNow, opts)
}

// The reference's section 2 example runs as it is printed.
func TestRequestReferenceExample(t *testing.T) {
	const example = `local ifid = _GET["ifid"] or interface.getFirstInterfaceId()
local network_id = tonumber(_GET["network_id"])
interface.select(tostring(ifid))
network.select(network_id)
local stats = network.getNetworkStats()
rest_utils.answer(rest_utils.consts.success.ok, stats)
`
	file, err := os.ReadFile(filepath.Join("testdata", "reference_rest.lua"))
	if err != nil || !strings.HasSuffix(string(file), example) {
		t.Errorf("testdata/reference_rest.lua (%v) is not the example", err)
	}
	for _, c := range []struct {
		get  map[string]string
		want string // network_key
	}{
		{map[string]string{"network_id": "0"}, "192.0.2.0/24"},
		{map[string]string{"network_id": "2", "ifid": "0"}, "2001:db8::/32"},
		{map[string]string{"network_id": "9"}, ""},
	} {
		a, err := runRequest(example, Request{Get: c.get}, Options{})
		if err != nil || a.Status != 200 || a.ContentType != "application/json" || len(a.Warnings) > 0 {
			t.Errorf("%v: %+v, %v", c.get, a, err)
			continue
		}
		var got struct {
			RC  int             `json:"rc"`
			Str string          `json:"rc_str"`
			Rsp json.RawMessage `json:"rsp"`
		}
		var stats struct {
			Key string `json:"network_key"`
		}
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
			t.Fatalf("%s: %v", a.Body, err)
		}
		_ = json.Unmarshal(got.Rsp, &stats) // [] where there are no stats
		if got.RC != 0 || got.Str != "OK" || stats.Key != c.want {
			t.Errorf("%v: %+v, network %q, want %q", c.get, got, stats.Key, c.want)
		}
	}
}

var requestCases = []struct {
	name, src string
	want      Answer
}{
	{"globals", `print(_GET.a, _POST.b, _SERVER.URI, _SESSION.user, _GET.none)`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "1\t2\t/lua/rest/x.lua\tann\tnil"}},
	{"print adds no newline", `print("a") print("b\n") print("c", 1)`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "ab\nc\t1"}},
	{"return ends it", `print("x") do return 5 end`, Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "x"}},
	{"no network is selected", `print(network.getNetworkStats())`, Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "nil"}},
	{"time", `print(os.time(), ntop.gettimemsec())`, Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "1700000040\t1700000040"}},
	{"headers", `rest_utils.answer(rest_utils.consts.success.ok, 1, {["cache-control"] = "no-store", ["Content-Type"] = "application/x-y"})`,
		Answer{Status: 200, ContentType: "application/x-y", Header: map[string]string{"Cache-Control": "no-store"}, Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":1}`}},
	{"extended", `rest_utils.extended_answer(rest_utils.consts.success.ok, {1}, {total = 7}, {Expires = 0})`,
		Answer{Status: 200, ContentType: "application/json", Header: map[string]string{"Expires": "0"}, Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":[1],"total":7}`}},
	{"vanilla", `rest_utils.vanilla_payload_response(rest_utils.consts.err.not_found, "a|b", "text/csv", {["Content-Disposition"] = "attachment"})`,
		Answer{Status: 404, ContentType: "text/csv", Header: map[string]string{"Content-Disposition": "attachment"}, Body: "a|b"}},
	{"the last answer counts", `rest_utils.answer(rest_utils.consts.success.ok) rest_utils.answer(rest_utils.consts.err.not_granted)`,
		Answer{Status: 401, ContentType: "application/json", Body: `{"rc":-3,"rc_str":"NOT_GRANTED","rc_str_hr":"Not granted","rsp":[]}`}},
	{"printed beside it", `print("debug") rest_utils.vanilla_payload_response(rest_utils.consts.success.ok, "x")`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "x", Warnings: []string{`printed beside the answer: "debug"`}}},
	{"line breaks in headers", `rest_utils.answer(rest_utils.consts.success.ok, 1, {["ETag"] = "a\r\nX: y"})`,
		Answer{Status: 200, ContentType: "application/json", Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":1}`,
			Warnings: []string{`rest/test.lua:1: rest_utils.answer: header "Etag": the value is too long or has characters that are not printable ASCII`}}},
	{"headers of the server", `rest_utils.answer(rest_utils.consts.success.ok, 1, {["Set-Cookie"] = "a=b"})`,
		Answer{Status: 200, ContentType: "application/json", Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":1}`,
			Warnings: []string{`rest/test.lua:1: rest_utils.answer: header "Set-Cookie" is not for scripts`}}},
	{"line break in a header's name", `rest_utils.answer(rest_utils.consts.success.ok, 1, {["Expires: 1\r\nX"] = "a"})`,
		Answer{Status: 200, ContentType: "application/json", Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":1}`,
			Warnings: []string{`rest/test.lua:1: rest_utils.answer: header "Expires: 1\r\nX" is not for scripts`}}},
	{"raw message", `print("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nX-Secret: 1\r\nExpires: 0\r\n\r\n") print("<p>")`,
		Answer{Status: 404, ContentType: "text/html", Header: map[string]string{"Expires": "0"}, Body: "<p>", Warnings: []string{`header "X-Secret" is not for scripts`}}},
	{"raw message with a broken status", `print("HTTP/1.1 999 X\r\n\r\nbody")`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "HTTP/1.1 999 X\r\n\r\nbody"}},
	{"raw message without an end", `print("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"}},
	{"raw message with a hostile type", `print("HTTP/1.1 200 OK\r\nContent-Type: a\nb\r\n\r\nx")`,
		Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: "x", Warnings: []string{`header "Content-Type": the value is too long or has characters that are not printable ASCII`}}},
}

func TestRequests(t *testing.T) {
	req := Request{
		Get: map[string]string{"a": "1", string(hiddenKey): "x"}, Post: map[string]string{"b": "2"},
		Server: map[string]string{"URI": "/lua/rest/x.lua"}, Session: map[string]string{"user": "ann"},
	}
	for _, c := range requestCases {
		t.Run(c.name, func(t *testing.T) {
			got, err := runRequest(c.src, req, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// A request that fails says so to the client and no more; the error is for the log.
func TestFailedRequests(t *testing.T) {
	internal := Answer{Status: 500, ContentType: "application/json", Body: `{"rc":-6,"rc_str":"INTERNAL_ERROR","rc_str_hr":"Internal error","rsp":[]}`}
	invalid := Answer{Status: 400, ContentType: "application/json", Body: `{"rc":-5,"rc_str":"INVALID_ARGS","rc_str_hr":"Invalid arguments","rsp":[]}`}
	for _, c := range []struct {
		name, src string
		req       Request
		want      Answer
		is        error
		text      string
	}{
		{name: "syntax", src: "x = ", want: internal, text: "rest/test.lua:1:5: "},
		{name: "error", src: "print('part')\nerror('secret')", want: internal, text: "rest/test.lua:2: secret"},
		{name: "error after the answer", src: "rest_utils.answer(rest_utils.consts.success.ok, 1) error('late')", want: internal, text: "late"},
		{name: "endless", src: "while true do end", want: internal, is: ErrTimeLimit},
		{name: "no answer", src: "local x = 1", want: internal, is: ErrNoAnswer},
		{name: "wrong answer", src: "rest_utils.answer(rest_utils.consts.err.unheard_of)", want: internal, is: ErrNoAnswer},
		{name: "status outside", src: "rest_utils.answer({http_code = 101})", want: internal, is: ErrNoAnswer},
		{name: "print flood", src: "local s = ('x'):rep(1e6) for i = 1, 5 do print(s) end", want: internal, is: ErrAnswerTooLarge},
		{name: "function in the payload", src: "rest_utils.answer(rest_utils.consts.success.ok, {print})", want: internal, text: "a function has no JSON form"},
		{name: "cyclic payload", src: "local t = {} t.t = t rest_utils.answer(rest_utils.consts.success.ok, t)", want: internal, text: "a cycle"},
		{name: "many parameters", req: Request{Get: manyParameters(1001)}, want: invalid, is: ErrRequestTooLarge},
		{name: "long parameter", req: Request{Post: map[string]string{"a": strings.Repeat("x", maxRequestBytes)}}, want: invalid, is: ErrRequestTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := DefaultTimeLimit
			if errors.Is(c.is, ErrTimeLimit) {
				limit = 100 * time.Millisecond
			}
			started := time.Now()
			got, err := runRequest(c.src, c.req, Options{TimeLimit: limit})
			if took := time.Since(started); took > limit+lateness {
				t.Errorf("took %v", took)
			}
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v %q", err, c.is, c.text)
			}
			got.Warnings = nil
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func manyParameters(n int) map[string]string {
	m := make(map[string]string, n)
	for i := range n {
		m[strings.Repeat("a", i+1)] = ""
	}
	return m
}

// A URL reaches the scripts in the rest folders, and no other file.
func TestRequestFiles(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"rest/v2/get/a.lua":             `print("a")`,
		"scripts/lua/rest/v2/get/b.lua": `print(require("helper"))`,
		"modules/helper.lua":            `return "helped"`,
		"check.lua":                     `print("never")`,
		"rest/text.txt":                 `print("never")`,
		"rest/dir.lua/x.lua":            `print("x")`,
	})
	outside := writeFiles(t, map[string]string{"s.lua": `print("never")`})
	if err := os.Symlink(filepath.Join(outside, "s.lua"), filepath.Join(dir, "rest", "link.lua")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"rest/v2/get/a.lua", "a", 200}, {"rest/v2/get/b.lua", "helped", 200},
		{"rest/none.lua", "", 404}, {"check.lua", "", 404}, {"modules/helper.lua", "", 404}, {"rest/text.txt", "", 404}, {"rest/text", "", 404},
		{"rest/../check.lua", "", 404}, {"../rest/v2/get/a.lua", "", 404}, {"rest//v2/get/a.lua", "", 404}, {"rest/v2/get/a.lua\x00", "", 404},
		{"/rest/v2/get/a.lua", "", 404}, {"", "", 404}, {".lua", "", 404}, {"rest.lua", "", 404}, {"rest/.lua", "", 404}, {"rest/v2/get/a.lua/", "", 404},
		{"rest/link.lua", "", 500}, {"rest/dir.lua", "", 500},
	} {
		a, err := RunRequestFile(context.Background(), c.name, Request{}, testSnapshot(), testNow, Options{ScriptDirs: []string{t.TempDir(), dir}})
		if a.Status != c.status || c.status == 200 && a.Body != c.body || (err == nil) != (c.status == 200) || c.status == 404 && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %+v, %v; want status %d", c.name, a, err, c.status)
		}
		if strings.Contains(a.Body, dir) {
			t.Errorf("%q: the answer names the folder", c.name)
		}
	}
}

// Whatever a script prints or sets, no header of the answer has a line break, and a panic is none.
func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nExpires: 1\r\n\r\nx", "Expires", "a")
	f.Add("HTTP/1.0 5\r\n\r\n\r\n", "Content-Type\r\n", "b\n")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		v := &VM{}
		a := v.printedAnswer(text)
		a.set(name, value)
		for name, value := range a.Header {
			if !answerHeaders[name] || !printableASCII(value) {
				t.Errorf("header %q: %q", name, value)
			}
		}
		if !printableASCII(a.ContentType) || a.Status < 200 || a.Status > 599 {
			t.Errorf("%+v", a)
		}
	})
}
