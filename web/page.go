package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strconv"
)

// static is the page: index.html and what it loads. The Makefile makes it of ui/; see ui/package.json.
//
//go:embed static
var static embed.FS

// pagePolicy is the content security policy of all answers: the page loads its own script, style sheet
// and pictures, asks its own server, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// A file is one of the page's, plain and compressed.
type file struct {
	kind, tag     string
	plain, zipped []byte
}

// pageRoutes are the paths of the page.
func pageRoutes() (map[string]route, error) {
	entries, err := static.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("web: page: %w", err)
	}
	routes := make(map[string]route, len(entries))
	for _, e := range entries {
		f := &file{kind: mime.TypeByExtension(path.Ext(e.Name()))}
		if f.plain, err = static.ReadFile("static/" + e.Name()); err != nil {
			return nil, fmt.Errorf("web: page: %w", err)
		}
		sum := sha256.Sum256(f.plain)
		f.tag = `"` + hex.EncodeToString(sum[:12]) + `"`
		var b bytes.Buffer
		zip, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
		zip.Write(f.plain)                                      // to memory
		if err := zip.Close(); err != nil {
			return nil, fmt.Errorf("web: page: %w", err)
		}
		f.zipped = b.Bytes()
		if e.Name() == "index.html" {
			routes["/"] = route{get: f.serve}
		} else {
			routes["/static/"+e.Name()] = route{get: f.serve}
		}
	}
	if _, ok := routes["/"]; !ok {
		return nil, fmt.Errorf("web: page: there is no index.html")
	}
	return routes, nil
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "no-cache") // kept, and asked for again: a new netmond brings a new page
	h.Set("ETag", f.tag)
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) // an error means that the client has gone
}
