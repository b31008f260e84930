package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Run shows the server until the user leaves or ctx ends; neither is an error.
func Run(ctx context.Context, cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return err
	}
	m := newModel(ctx, cfg)
	if cfg.Plain {
		return m.printPages(ctx)
	}
	profile := colorprofile.Ascii
	if cfg.Color {
		profile = colorprofile.ANSI
	}
	opts := []tea.ProgramOption{tea.WithContext(ctx), tea.WithOutput(cfg.Out), tea.WithoutSignalHandler(), tea.WithFPS(20), tea.WithColorProfile(profile)}
	if cfg.In != nil {
		opts = append(opts, tea.WithInput(cfg.In))
	}
	_, err := tea.NewProgram(m, opts...).Run()
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// printPages writes the networks again and again. An error of the first look ends it: there is no server.
func (m *model) printPages(ctx context.Context) error {
	m.cfg.Color = false
	for i := 0; m.cfg.Iterations == 0 || i < m.cfg.Iterations; i++ {
		if i > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(m.cfg.Interval):
			}
		}
		p := m.api.look(ctx, m.question())
		if ctx.Err() != nil {
			return nil
		}
		if p.err != nil && i == 0 {
			return p.err
		}
		m.picture = p
		if err := m.printPage(m.cfg.Out); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// printPage writes all rows, without cursor and keys.
func (m *model) printPage(w io.Writer) error {
	lines := []string{m.title(), m.totals(), m.head()}
	for i := range m.picture.table.rows {
		lines = append(lines, m.line(&m.picture.table.rows[i], false))
	}
	if m.picture.err != nil {
		lines = append(lines, "! "+clean(m.picture.err.Error()))
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	_, err := fmt.Fprintf(w, "%s\n\n", strings.Join(lines, "\n"))
	return err
}
