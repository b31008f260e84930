package report

import (
	"io"
	"strings"
	"unicode/utf8"
)

// SGR sequences (ECMA-48 section 8.3.117).
const (
	sgrBold  = "\x1b[1m"
	sgrDim   = "\x1b[2m"
	sgrRed   = "\x1b[31m"
	sgrReset = "\x1b[0m"
)

const columnGap = 2

// A column of a table. One column of a table is flexible: it is cut where the table is too wide.
// Columns with a drop rank leave the table, highest rank first, before it is cut below its least
// width.
type column struct {
	title string
	right bool
	flex  bool
	least int // width of a flexible column that is kept as long as a column can be dropped
	drop  int // 0 never
	cells []string
}

func (c *column) width() int {
	w := utf8.RuneCountInString(c.title)
	for _, s := range c.cells {
		w = max(w, utf8.RuneCountInString(s))
	}
	return w
}

// A screen writes lines of at most width columns until the first error, which it keeps.
type screen struct {
	w     io.Writer
	width int
	color bool
	err   error
}

func (s *screen) line(sgr string, text string) {
	if s.err != nil {
		return
	}
	text = strings.TrimRight(text, " ")
	if s.color && sgr != "" && text != "" {
		text = sgr + text + sgrReset
	}
	_, s.err = io.WriteString(s.w, text+"\n")
}

// wrapped writes head, then words beside it, breaking lines between words; later lines begin with
// as many spaces as head has columns.
func (s *screen) wrapped(sgr, head string, words []string) {
	indent := utf8.RuneCountInString(head)
	room := max(s.width-indent, 1)
	line, used := "", 0
	flush := func() {
		s.line(sgr, head+line)
		head, line, used = strings.Repeat(" ", indent), "", 0
	}
	for _, word := range words {
		word = fit(word, room)
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
			line, used = word, n
		case used+1+n > room:
			flush()
			line, used = word, n
		default:
			line += " " + word
			used += 1 + n
		}
	}
	flush()
}

// table writes columns that all have the same number of cells.
func (s *screen) table(columns []column) {
	widths, columns := s.arrange(columns)
	cells := make([]string, len(columns))
	row := func(text func(c *column) string) string {
		for i := range columns {
			c := &columns[i]
			cells[i] = pad(fit(text(c), widths[i]), widths[i], c.right)
		}
		return strings.Join(cells, strings.Repeat(" ", columnGap))
	}
	s.line(sgrBold, row(func(c *column) string { return c.title }))
	for i := range columns[0].cells {
		s.line("", row(func(c *column) string { return c.cells[i] }))
	}
}

// arrange decides which columns stay, and their widths.
func (s *screen) arrange(columns []column) ([]int, []column) {
	for {
		widths := make([]int, len(columns))
		used, flex, last := -columnGap, -1, -1
		for i := range columns {
			widths[i] = columns[i].width()
			used += widths[i] + columnGap
			if columns[i].flex {
				flex = i
			}
			if columns[i].drop > 0 && (last < 0 || columns[i].drop > columns[last].drop) {
				last = i
			}
		}
		over := used - s.width
		if over <= 0 {
			return widths, columns
		}
		if flex >= 0 && widths[flex]-over >= min(columns[flex].least, widths[flex]) {
			widths[flex] -= over
			return widths, columns
		}
		if last < 0 {
			if flex >= 0 {
				widths[flex] = max(widths[flex]-over, 1)
			}
			return widths, columns
		}
		kept := make([]column, 0, len(columns)-1)
		kept = append(kept, columns[:last]...)
		columns = append(kept, columns[last+1:]...)
	}
}
