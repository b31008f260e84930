package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"net/netip"
	"time"
)

// Bounds of one message, bytes.
const (
	maxToWorker   = 512 << 20
	maxFromWorker = 16 << 20
	frameHead     = 5 // length of type and body, little-endian; then the type
)

var errBadMessage = errors.New("message cannot be read")

// A codec writes or reads a message: each method does both, so that one description of a type serves
// both ends. Writing changes nothing in the message, which others may read meanwhile. Numbers are
// variable-length. Reading bounds every length by the bytes that are there, and
// allocates as they come.
type codec struct {
	b       []byte
	reading bool
	bad     bool
	names   map[string]string // strings read before, by text; nil to allocate each
}

func (c *codec) fail() { c.bad, c.b = true, nil }

func (c *codec) uint(p *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *p)
		return
	}
	if len(c.b) > 0 && c.b[0] < 0x80 { // most are small
		*p, c.b = uint64(c.b[0]), c.b[1:]
		return
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return
	}
	*p, c.b = v, c.b[n:]
}

func (c *codec) int(p *int64) {
	u := uint64(*p<<1) ^ uint64(*p>>63)
	c.uint(&u)
	if c.reading {
		*p = int64(u>>1) ^ -int64(u&1)
	}
}

// number is int for the other types of integers.
func number[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8](c *codec, p *T) {
	v := int64(*p)
	c.int(&v)
	if !c.reading {
		return
	}
	if *p = T(v); int64(*p) != v {
		c.fail()
	}
}

func (c *codec) float(p *float64) {
	u := bits.ReverseBytes64(math.Float64bits(*p)) // round numbers end in zeros
	c.uint(&u)
	if c.reading {
		*p = math.Float64frombits(bits.ReverseBytes64(u))
	}
}

func (c *codec) bool(p *bool) {
	var u uint64
	if *p {
		u = 1
	}
	c.uint(&u)
	if c.reading {
		*p = u != 0
	}
}

func (c *codec) string(p *string) {
	n := uint64(len(*p))
	c.uint(&n)
	if !c.reading {
		c.b = append(c.b, *p...)
		return
	}
	if n > uint64(len(c.b)) {
		c.fail()
		return
	}
	text := c.b[:n]
	c.b = c.b[n:]
	if c.names == nil {
		*p = string(text)
		return
	}
	s, ok := c.names[string(text)]
	if !ok {
		s = string(text)
		c.names[s] = s
	}
	*p = s
}

func (c *codec) duration(p *time.Duration) { number(c, p) }

func (c *codec) prefix(p *netip.Prefix) {
	text := ""
	if !c.reading {
		if raw, err := p.MarshalBinary(); err == nil {
			text = string(raw)
		}
	}
	c.string(&text)
	if c.reading && p.UnmarshalBinary([]byte(text)) != nil {
		c.fail()
	}
}

// list does a slice: each element takes at least one byte, of which least are known.
func list[T any](c *codec, p *[]T, least int, each func(c *codec, e *T)) {
	n := uint64(len(*p))
	c.uint(&n)
	if !c.reading {
		for i := range *p {
			each(c, &(*p)[i])
		}
		return
	}
	if n > uint64(len(c.b)/least) {
		c.fail()
		return
	}
	*p = nil
	if n > 0 && least >= 100 {
		*p = make([]T, 0, n)
	}
	for range n {
		var e T
		each(c, &e)
		if c.bad {
			return
		}
		*p = append(*p, e)
	}
}

// optional does a pointer to a value.
func optional[T any](c *codec, p **T, each func(c *codec, e *T)) {
	set := *p != nil
	c.bool(&set)
	if !set {
		return
	}
	if c.reading {
		*p = new(T)
	}
	each(c, *p)
}

// values does settings; their types are those of plainValue. The order does not matter.
func (c *codec) values(p *map[string]any) {
	var names []string
	for name := range *p {
		names = append(names, name)
	}
	if c.reading {
		*p = make(map[string]any)
	}
	list(c, &names, 1, func(c *codec, name *string) {
		c.string(name)
		value, _ := plainValue((*p)[*name])
		var kind uint64
		text, isText := value.(string)
		f, isNumber := value.(float64)
		on, _ := value.(bool)
		switch {
		case isText:
			kind = 1
		case isNumber:
			kind = 2
		}
		c.uint(&kind)
		switch kind {
		case 1:
			c.string(&text)
			value = text
		case 2:
			c.float(&f)
			value = f
		default:
			c.bool(&on)
			value = on
		}
		if c.reading {
			(*p)[*name] = value
		}
	})
}

// A message describes its own fields to a codec.
type message interface{ fields(c *codec) }

// appendFrame appends the frame of m to b.
func appendFrame(b []byte, kind byte, m message) []byte {
	start := len(b)
	c := codec{b: append(b, 0, 0, 0, 0, kind)}
	if m != nil {
		m.fields(&c)
	}
	binary.LittleEndian.PutUint32(c.b[start:], uint32(len(c.b)-start-4))
	return c.b
}

// readFrame reads one frame into buf, which grows as needed and holds body until the next call. What is
// longer than limit is refused before it is read.
func readFrame(r io.Reader, buf *[]byte, limit int) (kind byte, body []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(binary.LittleEndian.Uint32(head[:])) - 1
	if size < 0 || size > limit {
		return 0, nil, fmt.Errorf("%w: %d bytes long", errBadMessage, size)
	}
	const step = 1 << 20 // a claimed length is not believed beyond this
	b := (*buf)[:0]
	for len(b) < size {
		n := min(size-len(b), max(step, len(b)))
		if cap(b)-len(b) < n {
			b = append(make([]byte, 0, len(b)+n), b...)
		}
		if _, err := io.ReadFull(r, b[len(b):len(b)+n]); err != nil {
			return 0, nil, fmt.Errorf("message of type %d: %w", head[4], err)
		}
		b = b[:len(b)+n]
	}
	if *buf = b; cap(b) > 4*step {
		*buf = nil // the next one allocates again
	}
	return head[4], b, nil
}

// decode reads m from body.
func decode(body []byte, m message) error {
	return decodeWith(&codec{b: body, reading: true}, m)
}

func decodeWith(c *codec, m message) error {
	if m.fields(c); c.bad || len(c.b) != 0 {
		return fmt.Errorf("%w: %T", errBadMessage, m)
	}
	return nil
}
