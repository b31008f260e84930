package apps

import (
	"bytes"
	"encoding/binary"
)

// be16 and its like read an integer at off; the caller has checked the length.
func be16(b []byte, off int) int    { return int(binary.BigEndian.Uint16(b[off:])) }
func be24(b []byte, off int) int    { return int(b[off])<<16 | be16(b, off+1) }
func be32(b []byte, off int) uint32 { return binary.BigEndian.Uint32(b[off:]) }
func le16(b []byte, off int) int    { return int(binary.LittleEndian.Uint16(b[off:])) }
func le32(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// hasPrefixFold compares ASCII letters in any case; s is in upper case.
func hasPrefixFold(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := range len(s) {
		c := b[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// hasAnyPrefix reports whether b begins with one of list.
func hasAnyPrefix(b []byte, list []string) bool {
	for _, s := range list {
		if hasPrefix(b, s) {
			return true
		}
	}
	return false
}

// contains looks for s in the first limit bytes of b.
func contains(b []byte, s string, limit int) bool {
	b = b[:min(len(b), limit)]
	for len(b) >= len(s) {
		i := bytes.IndexByte(b, s[0])
		if i < 0 || len(b)-i < len(s) {
			return false
		}
		if string(b[i:i+len(s)]) == s {
			return true
		}
		b = b[i+1:]
	}
	return false
}

// allZero reports whether b holds zeros only.
func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func isPrint(c byte) bool { return ' ' <= c && c <= '~' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// digits is the number of decimal digits that b begins with.
func digits(b []byte) int {
	n := 0
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// printable reports whether b holds printable ASCII and tabs only.
func printable(b []byte) bool {
	for _, c := range b {
		if !isPrint(c) && c != '\t' {
			return false
		}
	}
	return true
}

// cutLine splits b after its first line. The line comes without its line end; whole tells that the
// line end was there.
func cutLine(b []byte) (line, rest []byte, whole bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil, false
	}
	line, rest = b[:i], b[i+1:]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	return line, rest, true
}

// textLine is the first line of b when it is printable and whole, else nil.
func textLine(b []byte) []byte {
	line, _, whole := cutLine(b)
	if !whole || !printable(line) {
		return nil
	}
	return line
}

// berLen reads a definite BER length (X.690 section 8.1.3) at off: the number and the offset after
// it, or ok false.
func berLen(b []byte, off int) (n, next int, ok bool) {
	if off >= len(b) {
		return 0, 0, false
	}
	c := int(b[off])
	if c < 0x80 {
		return c, off + 1, true
	}
	c &= 0x7f
	if c < 1 || c > 4 || off+1+c > len(b) {
		return 0, 0, false
	}
	for _, d := range b[off+1 : off+1+c] {
		n = n<<8 | int(d)
	}
	return n, off + 1 + c, n >= 0
}
