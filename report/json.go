package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/netmond/netmond/localnets"
)

// WriteJSON writes the report as one JSON object with a newline after it: each top-level key and
// each network on a line of its own, keys in a fixed order, strings safe inside HTML. It converts
// one network at a time, so memory does not grow with their number; w should be buffered.
func (r *Report) WriteJSON(w io.Writer) error {
	e := &encoder{w: w}
	e.key("{", "time", timeText(r.s.Nets.Time, r.s.Nets.Time != 0))
	e.key(",", "capture", r.capture())
	if r.filter != nil {
		e.key(",", "filter", r.filter)
	}
	e.key(",", "ip", r.ip())
	e.key(",", "scopes", r.scopes())
	e.key(",", "undecoded_reasons", r.undecodedReasons())
	e.key(",", "flows", r.flows())
	e.key(",", "hosts", Hosts{Active: r.s.Nets.Hosts, Refused: r.s.Nets.HostsRefused})

	e.text(",\n\"networks\":")
	var n Network // one for all: its map is used again
	e.list(len(r.s.Nets.Networks), func(i int) any {
		network(&n, &r.s.Nets.Networks[i])
		return &n
	})
	e.text(",\n\"matrix\":")
	e.list(len(r.s.Nets.Matrix), func(i int) any { return r.cell(&r.s.Nets.Matrix[i]) })
	e.key(",", "matrix_other", counts(r.s.Nets.MatrixOther))
	if r.top != nil {
		e.key(",", "top", r.top)
	}
	e.text(",\n\"errors\":")
	e.list(len(r.errors), func(i int) any { return r.errors[i] })
	e.text("}\n")
	return e.err
}

func (r *Report) cell(c *localnets.Cell) MatrixCell {
	return MatrixCell{Src: r.cidr(c.Src), Dst: r.cidr(c.Dst), SrcID: c.Src, DstID: c.Dst, Counts: counts(c.Counts)}
}

// An encoder writes pieces of JSON until the first error, which it keeps.
type encoder struct {
	w   io.Writer
	err error
}

func (e *encoder) text(s string) {
	if e.err == nil {
		_, e.err = io.WriteString(e.w, s)
	}
}

func (e *encoder) value(v any) {
	if e.err != nil {
		return
	}
	b, err := json.Marshal(v)
	if err != nil { // no type of a Document can fail
		e.err = fmt.Errorf("encode %T: %w", v, err)
		return
	}
	_, e.err = e.w.Write(b)
}

func (e *encoder) key(before, key string, v any) {
	if before == "," {
		before = ",\n"
	}
	e.text(before + `"` + key + `":`)
	e.value(v)
}

func (e *encoder) list(n int, item func(i int) any) {
	e.text("[")
	for i := 0; i < n && e.err == nil; i++ {
		if i > 0 {
			e.text(",")
		}
		e.text("\n")
		e.value(item(i))
	}
	e.text("]")
}
