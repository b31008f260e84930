package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// writeJSON answers with v, which has only what JSON can hold.
func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(true) // texts are of scripts and the wire
	if err := encoder.Encode(v); err != nil {
		s.deps.Log.Error("answer cannot be encoded", "error", err)
		writeProblem(w, http.StatusInternalServerError, "")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Vary", "Accept-Encoding")
	if !acceptsGzip(r) || b.Len() < 1<<10 {
		w.Write(b.Bytes()) // an error means that the client has gone
		return
	}
	header.Set("Content-Encoding", "gzip")
	zip := newZip(w)
	_, err := zip.Write(b.Bytes())
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// newZip compresses an answer, quickly: a report of 10,000 networks is there in 51 ms with 335 kB, by the default level in
// some 77 with 194.
func newZip(w io.Writer) *gzip.Writer {
	zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is one
	return zip
}

// readJSON reads a request's body, which has to be one JSON value with known keys; otherwise it answers
// and returns false.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		writeProblem(w, http.StatusUnsupportedMediaType, "The body has to be application/json.")
		return false
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(v)
	if err == nil {
		if _, err = decoder.Token(); err == nil {
			err = errors.New("more than one value")
		} else if errors.Is(err, io.EOF) {
			return true
		}
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		writeProblem(w, http.StatusRequestEntityTooLarge, "The body is too long.")
		return false
	}
	writeProblem(w, http.StatusBadRequest, "The body cannot be read: "+err.Error())
	return false
}
