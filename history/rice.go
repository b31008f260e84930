package history

// A Rice code writes a number as its upper part in ones and a zero, then its lower k bits (R. F. Rice,
// JPL Publication 79-22). It suits differences of noisy figures, which a general compressor leaves as
// they are.

const (
	riceMaxOnes = 24 // so many ones stand before a number as it is
	riceRaw     = 17 // bits of it: differences of 16-bit values
)

// appendRice appends k and the numbers, filled up to whole bytes; each is below 1<<riceRaw.
func appendRice(b []byte, numbers []uint32) []byte {
	k, best := 0, int64(-1)
	for try := range riceRaw {
		size := int64(0)
		for _, n := range numbers {
			if q := n >> try; q < riceMaxOnes {
				size += int64(q) + 1 + int64(try)
			} else {
				size += riceMaxOnes + riceRaw
			}
		}
		if best < 0 || size < best {
			k, best = try, size
		}
	}
	w := bitWriter{b: append(b, byte(k))}
	for _, n := range numbers {
		if q := n >> k; q < riceMaxOnes {
			w.put(1<<(q+1)-2, int(q)+1)
			w.put(n&(1<<k-1), k)
		} else {
			w.put(1<<riceMaxOnes-1, riceMaxOnes)
			w.put(n, riceRaw)
		}
	}
	return w.flush()
}

// rice takes n numbers off the bytes.
func (r *reader) rice(n int) []uint32 {
	k := int(r.byte())
	if k >= riceRaw {
		r.bad = true
	}
	numbers := make([]uint32, n)
	in := bitReader{r: r}
	for i := 0; i < n && !r.bad; i++ {
		q := 0
		for q < riceMaxOnes && in.take(1) == 1 {
			q++
		}
		if q == riceMaxOnes {
			numbers[i] = in.take(riceRaw)
		} else {
			numbers[i] = uint32(q)<<k | in.take(k)
		}
	}
	return numbers
}

// A bitWriter appends bits, the first one highest in its byte.
type bitWriter struct {
	b    []byte
	acc  uint64
	held int
}

// put appends the lower n bits of v, which has no others; n is at most 32.
func (w *bitWriter) put(v uint32, n int) {
	w.acc = w.acc<<n | uint64(v)
	w.held += n
	for w.held >= 8 {
		w.held -= 8
		w.b = append(w.b, byte(w.acc>>w.held))
	}
}

func (w *bitWriter) flush() []byte {
	if w.held > 0 {
		w.b = append(w.b, byte(w.acc<<(8-w.held)))
	}
	return w.b
}

// A bitReader takes bits off a reader's bytes, of which it uses whole ones.
type bitReader struct {
	r    *reader
	acc  uint8 // the bits left lie highest
	left int
}

// take gives the next n bits, 32 at most; 0 where they have ended.
func (in *bitReader) take(n int) (v uint32) {
	for n > 0 {
		if in.left == 0 {
			in.acc, in.left = in.r.byte(), 8
		}
		m := min(n, in.left)
		v = v<<m | uint32(in.acc>>(8-m))
		in.acc <<= m
		in.left -= m
		n -= m
	}
	return v
}
