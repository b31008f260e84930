package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/netmond/netmond/lua"
)

// Scripts runs the REST script that a path below /lua/ names; see engine.Engine.Request for the errors.
type Scripts func(ctx context.Context, name string, req lua.Request) (*lua.Answer, error)

const (
	scriptsPath   = "/lua/"
	maxScriptBody = 1 << 20
)

// script runs a REST script of the user's folders.
func (s *Server) script(w http.ResponseWriter, r *http.Request) {
	get, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		writeProblem(w, http.StatusBadRequest, "The query cannot be read.")
		return
	}
	post, ok := postParameters(w, r)
	if !ok {
		return
	}
	request := lua.Request{Get: flat(get), Post: post, Server: serverVariables(r), Session: map[string]string{}}
	answer, err := s.deps.Scripts(r.Context(), strings.TrimPrefix(r.URL.Path, scriptsPath), request)
	log := s.deps.Log.With("script", r.URL.Path)
	switch {
	case errors.Is(err, context.Canceled): // the client has gone
		panic(http.ErrAbortHandler)
	case errors.Is(err, fs.ErrNotExist):
		log.Debug("no such script", "error", err)
	case err != nil:
		log.Warn("REST script failed", "error", err)
	}
	for _, warning := range answer.Warnings {
		log.Warn("REST script used the API wrongly", "problem", warning)
	}
	header := w.Header()
	for name, value := range answer.Header {
		header.Set(name, value)
	}
	header.Set("Content-Type", answer.ContentType)
	header.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	w.WriteHeader(answer.Status)
	if r.Method != http.MethodHead {
		io.WriteString(w, answer.Body) // an error means that the client has gone
	}
}

// flat takes the last value of each name, as ntopng does.
func flat(values url.Values) map[string]string {
	out := make(map[string]string, len(values))
	for name, v := range values {
		out[name] = v[len(v)-1]
	}
	return out
}

// postParameters reads the body: a form, or a JSON object of which texts, numbers and truth values
// become texts and the rest stays JSON. Any other body is the parameter payload.
func postParameters(w http.ResponseWriter, r *http.Request) (map[string]string, bool) {
	post := make(map[string]string)
	if r.Method != http.MethodPost {
		return post, true
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		writeProblem(w, http.StatusRequestEntityTooLarge, "The body is too long.")
		return nil, false
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		form, err := parseQuery(string(body))
		if err != nil {
			writeProblem(w, http.StatusBadRequest, "The form cannot be read.")
			return nil, false
		}
		post = flat(form)
	case "application/json":
		var object map[string]json.RawMessage
		if err := json.Unmarshal(body, &object); err != nil {
			writeProblem(w, http.StatusBadRequest, "The body is no JSON object.")
			return nil, false
		}
		for name, value := range object {
			var text string
			if json.Unmarshal(value, &text) == nil {
				post[name] = text
			} else {
				post[name] = string(value)
			}
		}
	}
	if len(body) > 0 {
		if _, given := post["payload"]; !given {
			post["payload"] = string(body)
		}
	}
	return post, true
}

// serverVariables are those of _SERVER that scripts of ntopng read.
func serverVariables(r *http.Request) map[string]string {
	return map[string]string{
		"REQUEST_METHOD": r.Method, "URI": r.URL.Path, "QUERY_STRING": r.URL.RawQuery, "REMOTE_ADDR": r.RemoteAddr,
		"HTTP_HOST": r.Host, "CONTENT_TYPE": r.Header.Get("Content-Type"), "SERVER_SOFTWARE": "netmond",
	}
}
