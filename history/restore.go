package history

import (
	"context"
	"database/sql"
	"time"
)

// restore takes up the steps under way of a series that a process before this one began: what they
// held is the sum of the points of finer tiers. Under mu, in the first sample alone.
func (s *Store) restore(x *series) error {
	ctx := context.Background()
	id, ok, err := s.db.seriesID(ctx, x.name)
	if err != nil || !ok {
		return err
	}
	for i := range s.tiers {
		from := s.tiers[i].now * s.tiers[i].step
		for j := i - 1; j >= 0; j-- {
			fine := &s.tiers[j]
			list, _, err := s.db.chunks(ctx, s.db.read, s.seconds(j), id, from/fine.step, fine.now)
			if err != nil {
				return err
			}
			for _, c := range list {
				for k := range c.points {
					if at := c.start + int64(k); at*fine.step >= from && at < fine.now && !c.points[k].absent() {
						x.tiers[i].take(x.layout, &c.points[k], uint64(fine.step))
					}
				}
			}
			from = fine.now * fine.step
		}
	}
	return s.restoreApps(ctx, x, id)
}

// take adds a finished point of a finer tier, of step ns, to the step under way: as if since were earlier.
func (k *track) take(l *layout, p *point, ns uint64) {
	k.since.weight -= ns
	for f := range p {
		v := unpack(p[f])
		switch {
		case f >= l.peaks:
			k.peaks[f-l.peaks] = max(k.peaks[f-l.peaks], v)
		case f < l.sums:
			k.since.sums[f] -= v
		case f < l.means:
			k.since.sums[f] -= v * (ns / meanUnit)
		case v > 0: // RTT
			k.since.sums[f] -= v * 1000
			k.since.rtt--
		}
	}
}

func (s *Store) restoreApps(ctx context.Context, x *series, id int64) error {
	now := s.tiers[0].now * s.tiers[0].step
	for i := 1; i < len(appTiers); i++ {
		from := now / int64(appTiers[i].Step) * int64(appTiers[i].Step)
		for j := i - 1; j >= 0; j-- {
			fine := int64(appTiers[j].Step)
			steps := map[int64][]AppBytes{}
			if err := s.db.apps(ctx, s.db.read, fine/int64(time.Second), id, from/fine, now/fine, steps); err != nil {
				return err
			}
			for _, list := range steps {
				for k := range list {
					x.apps.sums[i] = addApp(x.apps.sums[i], &list[k])
				}
			}
			from = now / fine * fine
		}
	}
	return nil
}

// apps reads the protocols of a series between two steps. What cannot be read is left out.
func (d *database) apps(ctx context.Context, db *sql.DB, step, series, from, to int64, into map[int64][]AppBytes) error {
	rows, err := db.QueryContext(ctx, "SELECT start, apps FROM apps WHERE step = ? AND series = ? AND start >= ? AND start < ?", step, series, from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var start int64
		var blob []byte
		if err := rows.Scan(&start, &blob); err != nil {
			return err
		}
		if list, err := decodeApps(blob); err == nil {
			into[start] = list
		}
	}
	return rows.Err()
}
