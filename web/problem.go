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
	Column int    `json:"column,omitempty"` // of a filter, from 1: where it is wrong
}

// writeProblem answers with a status. detail is for people; what it quotes of the request is escaped.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeProblemAt(w, status, detail, 0)
}

// writeProblemAt is writeProblem with the column of a filter; 0 is none.
func writeProblemAt(w http.ResponseWriter, status int, detail string, column int) {
	b, err := json.Marshal(problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Column: column})
	if err != nil { // a problem has nothing that cannot be marshalled
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // an error means that the client has gone
}
