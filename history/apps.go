package history

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/netmond/netmond/localnets"
)

// appTiers are the resolutions of application protocols: coarser than those of the fields, for there
// are many protocols.
var appTiers = [...]Tier{
	{time.Minute, 6 * time.Hour}, {time.Hour, 7 * 24 * time.Hour}, {24 * time.Hour, 365 * 24 * time.Hour},
}

// maxApps is how many protocols are told apart in one step; the rest is in OtherApps.
const maxApps = 10

// OtherApps is the name of all protocols beyond the busiest of a step.
const OtherApps = "Other"

// An AppBytes is the bytes of one application protocol within a step.
type AppBytes struct {
	Name                   string
	Ingress, Egress, Inner uint64
}

func (a *AppBytes) total() uint64 { return a.Ingress + a.Egress + a.Inner }

func (a *AppBytes) add(b *AppBytes) {
	a.Ingress += b.Ingress
	a.Egress += b.Egress
	a.Inner += b.Inner
}

// less is a - b; a counter that fell began anew.
func (a AppBytes) less(b *AppBytes) AppBytes {
	for _, p := range [][2]*uint64{{&a.Ingress, &b.Ingress}, {&a.Egress, &b.Egress}, {&a.Inner, &b.Inner}} {
		if *p[0] >= *p[1] {
			*p[0] -= *p[1]
		}
	}
	return a
}

// An appSeries collects the protocols of a series.
type appSeries struct {
	last []AppBytes // cumulative, at the end of the last minute
	sums [len(appTiers)][]AppBytes
	kept [len(appTiers)][]appStep // sealed, oldest first; with a file until they are written
}

// An appStep is the packed protocols of one step.
type appStep struct {
	start int64
	blob  []byte
}

// EndsMinute reports whether a sample of now ends a minute, and should have the networks' protocols: what they
// gained since the last sample that had them is in that minute. For the goroutine of Add.
func (s *Store) EndsMinute(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now/int64(appTiers[0].Step) > s.minuteLocked(now)
}

// minuteLocked is the minute under way for a sample of now; under mu.
func (s *Store) minuteLocked(now int64) int64 {
	if s.appsNow == 0 {
		return (now - 1) / int64(appTiers[0].Step)
	}
	return s.appsNow
}

// closeApps ends the minute that ended before now, if one did: what each series' protocols gained since
// the minute before belongs to it. protocols are of the networks in order, or none. Under mu.
func (s *Store) closeApps(protocols [][]localnets.ProtocolCounts, now int64) {
	minute := int64(appTiers[0].Step)
	at := now / minute
	s.appsNow = s.minuteLocked(now)
	if at <= s.appsNow {
		return
	}
	for i, list := range protocols {
		if x := s.order[i]; x != nil {
			x.apps.gain(list)
		}
	}
	for tier, t := range appTiers {
		before, after := s.appsNow*minute/int64(t.Step), at*minute/int64(t.Step)
		if before == after {
			continue
		}
		for _, x := range s.list {
			x.apps.seal(s, x, tier, before)
			if s.db == nil {
				x.apps.expire(s, tier, s.aged/int64(t.Step)-int64(t.Keep/t.Step))
			}
		}
	}
	s.appsNow = at
}

// gain adds what the protocols gained to the steps under way.
func (a *appSeries) gain(protocols []localnets.ProtocolCounts) {
	now := make([]AppBytes, len(protocols))
	for i, p := range protocols {
		now[i] = AppBytes{p.Name, p.ByDirection[localnets.Ingress].Bytes, p.ByDirection[localnets.Egress].Bytes, p.ByDirection[localnets.Inner].Bytes}
	}
	slices.SortFunc(now, byName)
	for i := range now {
		gained := now[i]
		if k, ok := slices.BinarySearchFunc(a.last, gained, byName); ok {
			gained = gained.less(&a.last[k])
		}
		if gained.total() == 0 {
			continue
		}
		for tier := range a.sums {
			a.sums[tier] = addApp(a.sums[tier], &gained)
		}
	}
	a.last = now
}

func byName(a, b AppBytes) int { return cmp.Compare(a.Name, b.Name) }

// addApp adds b to a list sorted by name.
func addApp(list []AppBytes, b *AppBytes) []AppBytes {
	k, ok := slices.BinarySearchFunc(list, *b, byName)
	if !ok {
		return slices.Insert(list, k, *b)
	}
	list[k].add(b)
	return list
}

// seal packs the step of a tier that has ended.
func (a *appSeries) seal(s *Store, x *series, tier int, start int64) {
	if len(a.sums[tier]) == 0 {
		return
	}
	st := appStep{start, encodeApps(a.sums[tier])}
	a.kept[tier] = append(a.kept[tier], st)
	if s.db != nil {
		s.pending.apps = append(s.pending.apps, pendingApps{x, tier, st})
	}
	s.held += int64(len(st.blob)) + sealedBytes
	a.sums[tier] = nil
}

func (a *appSeries) expire(s *Store, tier int, oldest int64) {
	n := 0
	for n < len(a.kept[tier]) && a.kept[tier][n].start < oldest {
		s.held -= int64(len(a.kept[tier][n].blob)) + sealedBytes
		n++
	}
	a.kept[tier] = a.kept[tier][n:]
}

// busiest sorts by bytes and sums all beyond maxApps.
func busiest(list []AppBytes) []AppBytes {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b AppBytes) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.Name, b.Name))
	})
	if len(list) > maxApps {
		rest := AppBytes{Name: OtherApps}
		for i := range list[maxApps:] {
			rest.add(&list[maxApps+i])
		}
		list = append(list[:maxApps], rest)
	}
	return list
}

func encodeApps(list []AppBytes) []byte {
	list = busiest(list)
	b := binary.AppendUvarint(nil, uint64(len(list)))
	for _, a := range list {
		b = binary.AppendUvarint(b, uint64(len(a.Name)))
		b = append(b, a.Name...)
		for _, v := range []uint64{a.Ingress, a.Egress, a.Inner} {
			b = binary.AppendUvarint(b, uint64(pack(v)))
		}
	}
	return b
}

func decodeApps(b []byte) ([]AppBytes, error) {
	r := &reader{b: b}
	n := r.uvarint()
	if n > maxApps+1 {
		return nil, errChunk
	}
	list := make([]AppBytes, n)
	for i := range list {
		list[i].Name = string(r.bytes(r.uvarint()))
		for _, v := range []*uint64{&list[i].Ingress, &list[i].Egress, &list[i].Inner} {
			*v = unpack(uint16(r.uvarint()))
		}
	}
	if r.bad || len(r.b) != 0 {
		return nil, errChunk
	}
	return list, nil
}
