package web

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// A problem is an error's answer (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// writeProblem answers with a status. detail is for people; what it quotes of the request is escaped.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	b, err := json.Marshal(problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil { // a problem has nothing that cannot be marshalled
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // an error means that the client has gone
}
