package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/lua"
)

// scriptServer runs f as the script of every path and keeps its log.
func scriptServer(t testing.TB, f Scripts) (*Server, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	return newServer(t, DefaultConfig(apiAddress), func(d *Deps) {
		d.Scripts = f
		d.Log = slog.New(slog.NewTextHandler(log, nil))
	}), log
}

func TestScriptSeesTheRequest(t *testing.T) {
	var got lua.Request
	var gotName string
	s, _ := scriptServer(t, func(_ context.Context, name string, req lua.Request) (*lua.Answer, error) {
		got, gotName = req, name
		return &lua.Answer{Status: 200, ContentType: "application/json", Body: "{}"}, nil
	})
	for _, c := range []struct {
		method, target, kind, body string
		name                       string
		get, post                  map[string]string
	}{
		{"GET", "/lua/rest/v2/get/x.lua?ifid=0&a=1&a=2", "", "", "rest/v2/get/x.lua", map[string]string{"ifid": "0", "a": "2"}, map[string]string{}},
		{"POST", "/lua/x.lua?q=%20", "application/x-www-form-urlencoded", "b=1&c=%25", "x.lua", map[string]string{"q": " "},
			map[string]string{"b": "1", "c": "%", "payload": "b=1&c=%25"}},
		{"POST", "/lua/x.lua", "application/json; charset=utf-8", `{"s":"t","n":3,"b":true,"o":{"x":[1]}}`, "x.lua", map[string]string{},
			map[string]string{"s": "t", "n": "3", "b": "true", "o": `{"x":[1]}`, "payload": `{"s":"t","n":3,"b":true,"o":{"x":[1]}}`}},
		{"GET", "/lua/x.lua?alert_id=9;gte&c", "", "", "x.lua", map[string]string{"alert_id": "9;gte", "c": ""}, map[string]string{}},
		{"POST", "/lua/x.lua", "text/plain", "raw", "x.lua", map[string]string{}, map[string]string{"payload": "raw"}},
		{"POST", "/lua/x.lua", "application/json", `{"payload":"mine"}`, "x.lua", map[string]string{}, map[string]string{"payload": "mine"}},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.target, strings.NewReader(c.body))
		r.Host = "localhost:19991"
		r.Header.Set("Content-Type", c.kind)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != "{}" || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s %s: %d %s", c.method, c.target, w.Code, w.Body)
		}
		if gotName != c.name {
			t.Errorf("%s: script %s, want %s", c.target, gotName, c.name)
		}
		if diff := cmp.Diff([]map[string]string{c.get, c.post}, []map[string]string{got.Get, got.Post}); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.method, c.target, diff)
		}
		if got.Server["REQUEST_METHOD"] != c.method || got.Server["HTTP_HOST"] != "localhost:19991" {
			t.Errorf("_SERVER: %v", got.Server)
		}
	}
}

func TestScriptAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer lua.Answer
		err    error
		logged string
	}{
		"html":     {answer: lua.Answer{Status: 200, ContentType: "text/html", Body: "<b>", Header: map[string]string{"Cache-Control": "max-age=1"}}},
		"refused":  {answer: lua.Answer{Status: 400, ContentType: "application/json", Body: "{}", Warnings: []string{"interface.select: no"}}, logged: "interface.select: no"},
		"missing":  {answer: lua.Answer{Status: 404, ContentType: "application/json", Body: "{}"}, err: fmt.Errorf("x: %w", fs.ErrNotExist)},
		"timeout":  {answer: lua.Answer{Status: 500, ContentType: "application/json", Body: "{}"}, err: fmt.Errorf("x: %w", lua.ErrTimeLimit), logged: "REST script failed"},
		"breakage": {answer: lua.Answer{Status: 500, ContentType: "application/json", Body: "{}"}, err: errors.New("x.lua:1: oh"), logged: "x.lua:1: oh"},
	} {
		s, log := scriptServer(t, func(context.Context, string, lua.Request) (*lua.Answer, error) { return &c.answer, c.err })
		r := ask(s, "GET", "localhost:19991", "http://localhost/lua/x.lua", apiAddress)
		if text := body(t, r); r.StatusCode != c.answer.Status || text != c.answer.Body || r.Header.Get("Content-Type") != c.answer.ContentType {
			t.Errorf("%s: %d %s", name, r.StatusCode, text)
		}
		for k, v := range c.answer.Header {
			if r.Header.Get(k) != v {
				t.Errorf("%s: header %s is %q", name, k, r.Header.Get(k))
			}
		}
		if r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: no policy", name)
		}
		if !strings.Contains(log.String(), c.logged) || c.logged == "" && log.Len() > 0 {
			t.Errorf("%s: log %q, want %q", name, log, c.logged)
		}
	}
}

func TestScriptRequestsRefused(t *testing.T) {
	s, _ := scriptServer(t, func(context.Context, string, lua.Request) (*lua.Answer, error) {
		t.Error("the script ran")
		return nil, nil
	})
	for name, c := range map[string]struct {
		target, kind, body, site string
		status                   int
	}{
		"bad query":    {"/lua/x.lua?%zz", "", "", "", 400},
		"bad form":     {"/lua/x.lua", "application/x-www-form-urlencoded", "%zz", "", 400},
		"bad JSON":     {"/lua/x.lua", "application/json", "[", "", 400},
		"no object":    {"/lua/x.lua", "application/json", "[]", "", 400},
		"long":         {"/lua/x.lua", "text/plain", strings.Repeat("x", maxScriptBody+1), "", 413},
		"another site": {"/lua/x.lua", "text/plain", "x", "cross-site", 403},
	} {
		r := httptest.NewRequest("POST", "http://localhost/lua/x.lua", strings.NewReader(c.body))
		r.URL.RawQuery = strings.TrimPrefix(strings.TrimPrefix(c.target, "/lua/x.lua"), "?")
		r.Host = "localhost:19991"
		r.Header.Set("Content-Type", c.kind)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.status, w.Body)
		}
	}
}
