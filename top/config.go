package top

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Config says what is shown, and where.
type Config struct {
	// Client asks the API. Its timeout bounds each question.
	Client *http.Client
	// Base is the address of the server, as http://127.0.0.1:19991.
	Base string
	// Interval is the time between two looks. Default 1 s.
	Interval time.Duration
	// In and Out are the terminal's ends.
	In  io.Reader
	Out io.Writer
	// Plain prints page after page without moving the cursor, for terminals that cannot, and for files.
	Plain bool
	// Iterations ends plain output after so many pages; 0 is never.
	Iterations int
	// Color allows colours. What matters never depends on them.
	Color bool
	// Width and Height are used where the terminal does not tell its size. Default 80 and 24.
	Width, Height int
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Width == 0 {
		c.Width = 80
	}
	if c.Height == 0 {
		c.Height = 24
	}
	return c
}

// Validate checks the configuration.
func (c Config) Validate() error {
	switch {
	case c.Client == nil || c.Base == "" || c.Out == nil:
		return errors.New("top: a dependency is missing")
	case c.Interval < 0 || c.Iterations < 0 || c.Width < 0 || c.Height < 0:
		return errors.New("top: a bound is negative")
	}
	return nil
}
