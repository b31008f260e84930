package alerts

import "context"

// Tend has the writer trim now what it would trim within a second.
func (s *Store) Tend() error {
	return s.do(func(ctx context.Context) error {
		s.tend(ctx)
		return nil
	})
}

// Exec runs SQL on the writing connection.
func (s *Store) Exec(text string, args ...any) error {
	return s.do(func(ctx context.Context) error {
		_, err := s.db.write.ExecContext(ctx, text, args...)
		return err
	})
}

// Number asks the file for a number.
func (s *Store) Number(text string) (n int64, err error) {
	err = s.do(func(ctx context.Context) (err error) {
		n, err = s.db.number(ctx, text)
		return err
	})
	return n, err
}
