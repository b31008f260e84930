package lua

import (
	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// A statsSource is what stands behind a stats table until all its fields are filled.
type statsSource struct {
	net      localnets.NetworkStats // a copy, so that a table kept by a script does not keep a snapshot
	shape    Shape
	alerts   alerts.View
	intranet map[string]intranetCounts
	given    [4]uint64 // bit per name that was given once: a script may have removed it since
}

// give is the value of a field's name, when it was not given before.
func (s *statsSource) give(v *VM, n *statsName) glua.LValue {
	word, bit := n.index/64, uint64(1)<<(n.index%64)
	if s.given[word]&bit != 0 {
		return glua.LNil
	}
	s.given[word] |= bit
	return n.field.get(v, s)
}

// newStats makes a stats table whose fields are filled when first read; next, pairs, rawget and a new
// metatable fill all of them, so that scripts cannot tell. Filling on demand is what makes a check
// that reads four of sixty fields four times as fast.
func (v *VM) newStats(n *localnets.NetworkStats, shape Shape) *glua.LTable {
	t := v.state.CreateTable(0, 8)
	hide(t, &statsSource{
		net: *n, shape: shape,
		alerts:   v.opts.Sink.AlertView(n.Prefix.String()),
		intranet: v.intranet(n.ID),
	})
	t.Metatable = v.statsMeta
	return t
}

func (v *VM) statsIndex(l *glua.LState) int {
	t := argTable(l, 1)
	var value glua.LValue = glua.LNil
	if src, ok := hidden(t).(*statsSource); ok {
		if key, ok := l.Get(2).(glua.LString); ok {
			if n := statsNamesByName[string(key)]; n != nil {
				value = src.give(v, n)
				t.RawSetString(string(key), value)
			}
		}
	}
	l.Push(value)
	return 1
}

// statsNewIndex is an assignment to a field that was not read yet.
func statsNewIndex(l *glua.LState) int {
	t := argTable(l, 1)
	if src, ok := hidden(t).(*statsSource); ok {
		if key, ok := l.Get(2).(glua.LString); ok {
			if n := statsNamesByName[string(key)]; n != nil {
				src.given[n.index/64] |= 1 << (n.index % 64)
			}
		}
	}
	l.RawSet(t, l.Get(2), l.Get(3))
	return 0
}

// fill sets the fields of a stats table that were not read yet and makes it a plain table; other
// tables stay as they are.
func (v *VM) fill(t *glua.LTable) {
	if t.Metatable != v.statsMeta {
		return
	}
	src, ok := hidden(t).(*statsSource)
	if !ok {
		return
	}
	t.Metatable = glua.LNil
	t.RawSetString(string(hiddenKey), glua.LNil)
	for i := range statsNames {
		n := &statsNames[i]
		value := src.give(v, n)
		if value != glua.LNil && t.RawGetString(n.name) == glua.LNil {
			t.RawSetString(n.name, value)
		}
	}
}

// table makes a Lua table of name, value pairs.
func (v *VM) table(pairs ...any) *glua.LTable {
	t := v.state.CreateTable(0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		t.RawSetString(pairs[i].(string), luaValue(pairs[i+1]))
	}
	return t
}

// luaValue converts the Go types that bindings use.
func luaValue(x any) glua.LValue {
	switch x := x.(type) {
	case glua.LValue:
		return x
	case nil:
		return glua.LNil
	case string:
		return glua.LString(x)
	case bool:
		return glua.LBool(x)
	case int:
		return glua.LNumber(x)
	case int32:
		return glua.LNumber(x)
	case int64:
		return glua.LNumber(x)
	case uint64:
		return glua.LNumber(x)
	case float64:
		return glua.LNumber(x)
	}
	panic("lua: value of a type without conversion")
}

// intranetCounts are bytes between a network and another one.
type intranetCounts struct{ sent, received uint64 }

// intranet is the network's row of the matrix by the other network's name, less what the script has
// reset.
func (v *VM) intranet(id int32) map[string]intranetCounts {
	row := v.index().rows[id]
	if len(row) == 0 {
		return nil
	}
	nets := v.run.snap.Networks
	base := v.baseline(nets[id].Prefix.String())
	out := make(map[string]intranetCounts, len(row))
	for _, i := range row {
		cell := &v.run.snap.Matrix[i]
		other := cell.Dst
		if other == id {
			other = cell.Src
		}
		c := out[nets[other].Name]
		b := base[nets[other].Prefix.String()]
		if cell.Src == id {
			c.sent = since(cell.Bytes, b.sent)
		} else {
			c.received = since(cell.Bytes, b.received)
		}
		out[nets[other].Name] = c
	}
	return out
}

// since is total - base, or total when counting began anew.
func since(total, base uint64) uint64 {
	if base > total {
		return total
	}
	return total - base
}

// resetIntranet makes the network's present row the script's zero. Counters keep rising: only this
// script sees the difference.
func (v *VM) resetIntranet(l *glua.LState, id int32) {
	snap := v.run.snap
	base := make(map[string]intranetCounts)
	for _, i := range v.index().rows[id] {
		cell := &snap.Matrix[i]
		if cell.Src == id {
			key := snap.Networks[cell.Dst].Prefix.String()
			c := base[key]
			c.sent = cell.Bytes
			base[key] = c
		} else {
			key := snap.Networks[cell.Src].Prefix.String()
			c := base[key]
			c.received = cell.Bytes
			base[key] = c
		}
	}
	v.setBaseline(l, snap.Networks[id].Prefix.String(), base)
}

// snapIndex finds networks by name and matrix cells by network, for one snapshot.
type snapIndex struct {
	snap   *localnets.Snapshot
	byName map[string]int32
	rows   map[int32][]int32 // cells in which the network is source or destination
}

// index is built once per snapshot, its names once per network list.
func (v *VM) index() *snapIndex {
	snap, old := v.run.snap, v.indexed
	if old != nil && old.snap == snap {
		return old
	}
	ix := &snapIndex{snap: snap}
	if old != nil && snap.Generation != 0 && old.snap.Generation == snap.Generation && len(old.snap.Networks) == len(snap.Networks) {
		ix.byName = old.byName
	} else {
		ix.byName = make(map[string]int32, 2*len(snap.Networks))
		add := func(name string, id int32) {
			if _, taken := ix.byName[name]; name != "" && !taken {
				ix.byName[name] = id
			}
		}
		// A canonical CIDR wins over a name as written, and this over an alias.
		for i := range snap.Networks {
			add(snap.Networks[i].Prefix.String(), int32(i))
		}
		for i := range snap.Networks {
			add(snap.Networks[i].Name, int32(i))
		}
		for i := range snap.Networks {
			add(snap.Networks[i].Alias, int32(i))
		}
	}
	if len(snap.Matrix) > 0 {
		ix.rows = make(map[int32][]int32)
		for i := range snap.Matrix {
			cell := &snap.Matrix[i]
			ix.rows[cell.Src] = append(ix.rows[cell.Src], int32(i))
			ix.rows[cell.Dst] = append(ix.rows[cell.Dst], int32(i))
		}
	}
	v.indexed = ix
	return ix
}
