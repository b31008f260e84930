package alerts

import "time"

// SetHistory changes the bounds on past alerts, Config.MaxRows and Config.MaxAge; those that are beyond go
// with the next look. An error changes nothing.
func (s *Store) SetHistory(maxRows int, maxAge time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.setHistory(maxRows, maxAge)
}

// SetHistory changes the bounds on past alerts, Config.MaxRows and Config.MaxAge; those that are beyond go
// with the next one that comes. An error changes nothing.
func (m *Mem) SetHistory(maxRows int, maxAge time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cfg.setHistory(maxRows, maxAge)
}

func (c *Config) setHistory(maxRows int, maxAge time.Duration) error {
	other := *c
	other.MaxRows, other.MaxAge = maxRows, maxAge
	if err := other.Validate(); err != nil {
		return err
	}
	c.MaxRows, c.MaxAge = maxRows, maxAge // alone: the others are read without the lock
	return nil
}
