package alerts

import "slices"

// A Value is one cached value.
type Value struct {
	Network   string // canonical CIDR
	Namespace int    // number of a Periodicity
	Key       string
	Value     string
}

// An OpKind is what an Op does.
type OpKind uint8

// The kinds of Op.
const (
	OpEngage  OpKind = iota // Engage of Alert
	OpRelease               // Release of Alert.Key at Alert.End
	OpRecord                // Record of Alert
	OpSet                   // SetCachedValue of Value

	opForget // drop the cached values of the network Value.Network
)

// An Op is one change, so that many can share a commit.
type Op struct {
	Kind  OpKind
	Alert Alert
	Value Value
}

// A Result is what an Op did.
type Result struct {
	Alert   Alert // as engaged, released or recorded
	Changed bool  // engaged afresh, was engaged and is released, recorded, value differs
	Err     error // as of the call that the Op stands for
}

// orphans are the changes that release the alerts that nobody owns and those of networks that are not
// listed, and drop the cached values of those networks.
func (s *state) orphans(owned func(*Alert) bool, networks []string, end int64) []Op {
	local := make(map[string]bool, len(networks))
	for _, cidr := range networks {
		local[cidr] = true
	}
	var gone []Alert
	var ops []Op
	for cidr, n := range s.networks {
		for _, e := range n.engaged {
			if !local[cidr] || e.alert.Check != "" && (owned == nil || !owned(&e.alert)) {
				gone = append(gone, e.alert)
			}
		}
		if !local[cidr] && len(n.values) > 0 {
			ops = append(ops, Op{Kind: opForget, Value: Value{Network: cidr}})
		}
	}
	slices.SortFunc(gone, func(a, b Alert) int { return int(a.RowID - b.RowID) })
	for _, a := range gone {
		ops = append(ops, Op{Kind: OpRelease, Alert: Alert{Key: a.Key, End: end}})
	}
	return ops
}

// released are the alerts that ops released, and the first error that lost one.
func released(ops []Op, results []Result) (list []Alert, err error) {
	for i, r := range results {
		if ops[i].Kind == OpRelease && r.Changed {
			list = append(list, r.Alert)
		}
		if r.Err != nil && err == nil {
			err = r.Err
		}
	}
	return list, err
}
