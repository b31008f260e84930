package top

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// Lines of the screen.
const (
	tabsLine   = 2
	headLine   = 3
	chromeRows = headLine + 2 // all but the table's rows: the lines above, the head, and the last line
)

// Colours: SGR parameters of ECMA-48. Each only repeats what a sign or word says.
const (
	bold    = "1"
	dim     = "2"
	reverse = "7"
	red     = "31"
)

// visible is how many rows of the table there is room for.
func (m *model) visible() int { return max(1, m.height-chromeRows) }

func (m *model) paint(s, sgr string) string {
	if !m.cfg.Color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.NewView(m.text())
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = "netmond top"
	return v
}

// text is the whole screen, of exactly height lines.
func (m *model) text() string {
	lines := make([]string, 0, m.height)
	if m.help {
		lines = append(lines, helpText...)
		for i := range lines {
			lines[i] = fit(lines[i], m.width, false)
		}
	} else {
		lines = append(lines, m.paint(fit(m.title(), m.width, false), bold), fit(m.totals(), m.width, false), m.tabLine(), m.paint(m.head(), reverse))
		rows := m.shown()
		for i := range m.visible() {
			line := ""
			if at := m.top + i; at < len(rows) {
				line = m.line(&rows[at], at == m.cursor)
			}
			lines = append(lines, line)
		}
	}
	for len(lines) < m.height {
		lines = append(lines, "")
	}
	lines = lines[:m.height]
	if !m.help && m.height > 1 {
		lines[m.height-1] = m.foot()
	}
	return strings.Join(lines, "\n")
}

// title is where the figures come from, and what was lost on the way.
func (m *model) title() string {
	p := &m.picture
	var at []string
	for _, s := range p.capture.Sources {
		state := ""
		if !s.Up {
			state = " DOWN"
		}
		at = append(at, clean(s.Interface)+" ("+clean(s.Path)+")"+state)
	}
	source := strings.Join(at, " ")
	if source == "" {
		source = "files"
	}
	title := "netmond " + source + " " + clock(p.capture.Capture.Last)
	if lost := p.capture.Lost.Packets; lost > 0 {
		title += fmt.Sprintf("  LOST %s packets", scaled(float64(lost)))
		title += " (" + causes(p.capture.Lost.ByCause) + ")"
	} else {
		title += "  nothing lost"
	}
	if m.paused {
		title += "  PAUSED"
	}
	return title
}

// causes tells what was lost, by cause, most first; one cause without its number.
func causes(by map[string]uint64) string {
	var list []string
	for cause, n := range by {
		if n > 0 {
			list = append(list, cause)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	for i, cause := range list {
		list[i] = clean(cause)
		if len(list) > 1 {
			list[i] += " " + scaled(float64(by[cause]))
		}
	}
	return strings.Join(list, ", ")
}

// totals are the rates of all that was captured, and a minute of it.
func (m *model) totals() string {
	last := func(field string) string {
		values := m.picture.totals[field]
		for i := len(values) - 1; i >= 0; i-- {
			if !math.IsNaN(values[i]) {
				return rate(values[i], m.bits)
			}
		}
		return "-"
	}
	line := fmt.Sprintf("all %s  in %s  out %s  local %s  transit %s ",
		last("bytes"), last("inbound_bytes"), last("outbound_bytes"), last("internal_bytes"), last("transit_bytes"))
	room := min(30, m.width-utf8.RuneCountInString(line))
	if room < 4 {
		return line
	}
	return line + Spark(m.picture.totals["bytes"], room, 0)
}

// tabs are the first and the last column + 1 of each view's name.
func (m *model) tabs() [numViews][2]int {
	var spans [numViews][2]int
	x := 0
	for v, name := range viewNames {
		spans[v] = [2]int{x, x + len(name) + 4}
		x += len(name) + 4
	}
	return spans
}

func (m *model) tabLine() string {
	var b strings.Builder
	for v, name := range viewNames {
		if view(v) == m.view {
			b.WriteString(m.paint(fmt.Sprintf("[%d %s]", v+1, name), bold))
		} else {
			fmt.Fprintf(&b, " %d %s ", v+1, name)
		}
	}
	return b.String()
}

// spans are the first and the last column + 1 of each of the table's columns.
func (m *model) spans() [][2]int {
	cols := viewColumns[m.view]
	free, growing := m.width-2, 0
	for _, c := range cols {
		free -= c.width + 1
		if c.width == 0 {
			growing++
		}
	}
	spans, x := make([][2]int, len(cols)), 2
	for i, c := range cols {
		w := c.width
		if w == 0 {
			w = max(8, (free+1)/growing)
		}
		spans[i] = [2]int{min(x, m.width), min(x+w, m.width)}
		x += w + 1
	}
	return spans
}

// head is the line of titles; the arrow is at the column that orders.
func (m *model) head() string {
	line := "  "
	for i, span := range m.spans() {
		c := viewColumns[m.view][i]
		title := c.title
		if c.sort != "" && c.sort == m.sorts[m.view] {
			arrow := "▾"
			if m.ascending[m.view] {
				arrow = "▴"
			}
			if c.right {
				title = arrow + title
			} else {
				title += arrow
			}
		}
		if i > 0 {
			line += " "
		}
		line += fit(title, span[1]-span[0], c.right)
	}
	return fit(line, m.width, false)
}

func (m *model) line(r *row, chosen bool) string {
	line := "  "
	switch {
	case chosen:
		line = "> "
	case r.alarm:
		line = "! "
	}
	for i, span := range m.spans() {
		if i > 0 {
			line += " "
		}
		if i < len(r.cells) {
			line += fit(r.cells[i], span[1]-span[0], viewColumns[m.view][i].right)
		}
	}
	line = fit(line, m.width, false)
	switch {
	case chosen:
		return m.paint(line, bold)
	case r.alarm:
		return m.paint(line, red)
	}
	return line
}

// foot is the filter being written, what went wrong, or the keys.
func (m *model) foot() string {
	switch {
	case m.editing:
		return fit("filter: "+m.edit+"_", m.width, false)
	case m.picture.err != nil:
		return m.paint(fit("! "+clean(m.picture.err.Error()), m.width, false), red)
	}
	keys := "Enter open  Esc back  / filter  s sort  p pause  ? help  q quit"
	if f := m.filters[m.view]; f != "" {
		keys = "/" + f + "  " + keys
	}
	if m.network != "" && m.view != viewNetworks {
		keys = "in " + m.network + "  " + keys
	}
	shown := len(m.shown())
	if m.picture.question.view == m.view && m.picture.table.total > shown {
		keys = fmt.Sprintf("%d of %d  ", shown, m.picture.table.total) + keys
	}
	return m.paint(fit(keys, m.width, false), dim)
}

var helpText = []string{
	"netmond top - keys",
	"",
	"  1 2 3 4 5, Tab    networks, hosts, flows, protocols, alerts",
	"  Up Down PgUp PgDn choose a row          Home End  first, last",
	"  Enter             open: hosts of a network, flows of a host, a protocol",
	"  Esc               back: the filter goes, then the network, then the view",
	"  /                 filter of this view, ended by Enter; Ctrl-U empties it",
	"  s   r             sort by the next column, in the other direction",
	"  b   p             bits or bytes, pause",
	"  q                 quit",
	"  mouse             click a view, a title to sort, a row to choose, again to open",
	"",
	"filters of hosts, flows and alerts (docs/api.md has all):",
	"  net:office host:192.0.2.7 port:443 proto:tcp app:TLS bytes>1MB rtt>50ms",
	"  name:*.example.org state:open client: server:  not, or, ( )",
	"  check:syn_scan_victim status:engaged score>50",
	"networks and protocols: words in the name, or an address",
	"",
	"  > chosen row    ! alert engaged    in, out: into and out of the network; inner:",
	"  between its hosts, all a second. Graphs: newest at the right, own scale each.",
	"",
	"any key goes back",
}
