package web

import (
	_ "embed"
	"io"
	"net/http"
	"strconv"
)

// openapi is the contract of the API (OpenAPI 3.1). Tests hold the answers against it, and docs/api.md is
// made of it.
//
//go:embed openapi.yaml
var openapi string

// contract answers the contract itself.
func contract(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/yaml") // RFC 9512
	h.Set("Content-Length", strconv.Itoa(len(openapi)))
	io.WriteString(w, openapi) // an error means that the client has gone
}
