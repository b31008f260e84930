package top

import (
	"context"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// maxRows is how many rows of a list are asked for.
const maxRows = 500

// A model is the state of the screen. bubbletea calls its methods from one goroutine; looks run in others
// and come back as pictures.
type model struct {
	ctx context.Context
	api api
	cfg Config

	width, height int
	view          view
	sorts         [numViews]string
	ascending     [numViews]bool
	filters       [numViews]string
	network       string // chosen by drill-down, or ""
	cursor, top   int    // the chosen row, and the first that is shown
	bits          bool
	paused, help  bool
	editing       bool
	edit          string // the filter being written
	picture       picture
	looking       bool // a look is under way
	again         bool // and its question is not the present one
}

func newModel(ctx context.Context, cfg Config) *model {
	m := &model{ctx: ctx, cfg: cfg, api: api{cfg.Client, cfg.Base}, width: cfg.Width, height: cfg.Height, sorts: defaultSorts, bits: true}
	return m
}

type tickMsg struct{}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tea.Batch(m.look(), m.tick()) }

func (m *model) tick() tea.Cmd {
	return tea.Tick(m.cfg.Interval, func(time.Time) tea.Msg { return tickMsg{} })
}

func (m *model) question() question {
	network := m.network
	if m.view == viewNetworks {
		network = ""
	} else if m.view == viewProtocols && network == "" && m.picture.question.view == viewNetworks && m.cursor < len(m.picture.table.rows) {
		network = m.picture.table.rows[m.cursor].key
		m.network = network
	}
	return question{
		view: m.view, filter: m.filters[m.view], network: network, sort: m.sorts[m.view], descending: !m.ascending[m.view], rows: maxRows, bits: m.bits,
	}
}

// look asks the API, one look at a time.
func (m *model) look() tea.Cmd {
	if m.looking {
		m.again = true
		return nil
	}
	m.looking, m.again = true, false
	q := m.question()
	return func() tea.Msg { return m.api.look(m.ctx, q) }
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.move(0)
	case tickMsg:
		if m.paused {
			return m, m.tick()
		}
		return m, tea.Batch(m.look(), m.tick())
	case picture:
		m.looking = false
		if m.again {
			return m, m.look() // of what is wanted now
		}
		if msg.err != nil && msg.question == m.picture.question {
			m.picture.err = msg.err // the last figures stay, marked
		} else {
			m.picture = msg
		}
		m.move(0)
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		if m.editing {
			m.edit += clean(msg.Content)
		}
	case tea.MouseWheelMsg:
		if msg.Button == tea.MouseWheelUp {
			m.move(-3)
		} else if msg.Button == tea.MouseWheelDown {
			m.move(3)
		}
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return m, m.click(msg.X, msg.Y)
		}
	}
	return m, nil
}

// key does what a key stands for.
func (m *model) key(msg tea.KeyPressMsg) tea.Cmd {
	k := msg.String()
	if k == "ctrl+c" {
		return tea.Quit
	}
	if m.editing {
		return m.editKey(k, msg.Text)
	}
	if m.help {
		m.help = false
		return nil
	}
	switch k {
	case "q":
		return tea.Quit
	case "?", "h", "f1":
		m.help = true
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-m.visible())
	case "pgdown":
		m.move(m.visible())
	case "home", "g":
		m.move(-maxRows)
	case "end", "G":
		m.move(maxRows)
	case "1", "2", "3", "4", "5":
		return m.show(view(k[0] - '1'))
	case "tab", "right", "l":
		return m.show((m.view + 1) % numViews)
	case "shift+tab", "left":
		return m.show((m.view + numViews - 1) % numViews)
	case "enter":
		return m.enter()
	case "esc", "backspace":
		return m.back()
	case "/":
		m.editing, m.edit = true, m.filters[m.view]
	case "s":
		return m.nextSort()
	case "r":
		m.ascending[m.view] = !m.ascending[m.view]
		return m.look()
	case "b":
		m.bits = !m.bits
		return m.look()
	case "p", "space":
		m.paused = !m.paused
	}
	return nil
}

// editKey changes the filter being written.
func (m *model) editKey(k, text string) tea.Cmd {
	switch k {
	case "enter":
		m.editing, m.filters[m.view] = false, m.edit
		m.cursor, m.top = 0, 0
		return m.look()
	case "esc":
		m.editing = false
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(m.edit)
		m.edit = m.edit[:len(m.edit)-n]
	case "ctrl+u":
		m.edit = ""
	default:
		m.edit += clean(text)
	}
	return nil
}

func (m *model) show(v view) tea.Cmd {
	cmd := func() tea.Cmd { m.view = v; return m.look() }()
	m.cursor, m.top = 0, 0
	return cmd
}

// enter goes deeper: from a network to its hosts, from a host to its flows, from an alert to the hosts of
// its network.
func (m *model) enter() tea.Cmd {
	rows := m.shown()
	if m.cursor >= len(rows) {
		return nil
	}
	key := rows[m.cursor].key
	switch m.view {
	case viewNetworks, viewAlerts:
		m.network = key
		return m.show(viewHosts)
	case viewHosts, viewFlows:
		m.filters[viewFlows] = "host:" + key
		return m.show(viewFlows)
	case viewProtocols:
		m.filters[viewFlows] = `app:"` + key + `"`
		return m.show(viewFlows)
	}
	return nil
}

// back undoes the last that narrowed the view: its filter, then the network, then the view.
func (m *model) back() tea.Cmd {
	switch {
	case m.filters[m.view] != "":
		m.filters[m.view] = ""
	case m.view == viewFlows:
		return m.show(viewHosts)
	case m.view != viewNetworks:
		m.network = ""
		return m.show(viewNetworks)
	}
	return m.look()
}

func (m *model) nextSort() tea.Cmd {
	cols := viewColumns[m.view]
	at := 0
	for i, c := range cols {
		if c.sort == m.sorts[m.view] {
			at = i
		}
	}
	for range cols {
		if at = (at + 1) % len(cols); cols[at].sort != "" {
			break
		}
	}
	m.sorts[m.view] = cols[at].sort
	return m.look()
}

// shown are the rows of the present view; none while its first picture is on the way.
func (m *model) shown() []row {
	if m.picture.question.view != m.view {
		return nil
	}
	return m.picture.table.rows
}

// move takes the cursor by n rows, within what there is.
func (m *model) move(n int) {
	rows, visible := len(m.shown()), m.visible()
	m.cursor = max(0, min(m.cursor+n, rows-1))
	m.top = max(0, min(m.top, m.cursor, rows-visible), m.cursor-visible+1)
}

// click chooses a tab, a column to sort by, or a row; a row chosen before is entered.
func (m *model) click(x, y int) tea.Cmd {
	switch {
	case m.help:
		m.help = false
	case y == tabsLine:
		for v, span := range m.tabs() {
			if x >= span[0] && x < span[1] {
				return m.show(view(v))
			}
		}
	case y == headLine:
		for i, span := range m.spans() {
			c := viewColumns[m.view][i]
			if x < span[0] || x >= span[1] || c.sort == "" {
				continue
			}
			if m.sorts[m.view] == c.sort {
				m.ascending[m.view] = !m.ascending[m.view]
			}
			m.sorts[m.view] = c.sort
			return m.look()
		}
	case y > headLine && y <= headLine+m.visible():
		at := m.top + y - headLine - 1
		if at >= len(m.shown()) {
			return nil
		}
		if at == m.cursor {
			return m.enter()
		}
		m.cursor = at
	}
	return nil
}
