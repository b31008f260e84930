package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Error is a fault in an expression, or something that the link type does not have.
type Error struct {
	Expr   string // the whole expression
	Column int    // 1-based, in bytes; len(Expr)+1 where the end came too early
	Msg    string

	// MatchesNothing is set where the expression is sound but no frame of the link type can match
	// it, such as "tcp and udp", or "arp" for raw IP.
	MatchesNothing bool
}

func (e *Error) Error() string {
	return fmt.Sprintf("filter: column %d: %s", e.Column, e.Msg)
}

// excerptWidth is the most bytes of an expression that Excerpt shows.
const excerptWidth = 100

// Excerpt is two lines: the expression, or the part of a long one around the fault, and below it a
// caret that points at the column. Tabs and other control characters are shown as spaces.
func (e *Error) Excerpt() string {
	text := []byte(e.Expr)
	for i, c := range text {
		if c < ' ' || c == 0x7f {
			text[i] = ' '
		}
	}
	at := min(max(e.Column-1, 0), len(text))
	from, to := 0, len(text)
	if to > excerptWidth {
		from = max(at-excerptWidth/2, 0)
		to = min(from+excerptWidth, len(text))
	}
	before, after := string(text[from:at]), string(text[at:to])
	if from > 0 {
		before = "..." + before
	}
	if to < len(text) {
		after += "..."
	}
	// Columns count bytes, a terminal counts characters.
	return before + after + "\n" + strings.Repeat(" ", utf8.RuneCountInString(before)) + "^"
}
