package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

//go:embed landing.html
var landingHTML string

// landingPage gives the handler of / and the content security policy that allows its style sheet
// and nothing else.
func landingPage() (http.HandlerFunc, string, error) {
	_, rest, found := strings.Cut(landingHTML, "<style>")
	style, _, closed := strings.Cut(rest, "</style>")
	if !found || !closed {
		return nil, "", errors.New("web: the landing page has no style sheet")
	}
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	page := []byte(landingHTML)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(page)))
		w.Write(page) // an error means that the client has gone
	}, policy, nil
}
