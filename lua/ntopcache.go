package lua

import (
	"strings"
	"time"

	glua "github.com/yuin/gopher-lua"
)

// maxExpiry bounds how long a value can be asked to last; beyond it, it lasts for ever.
const maxExpiry = 100 * 365 * 24 * time.Hour

// cacheFunctions are ntopng's preferences and caches.
func cacheFunctions() []Function {
	const ntopng, redis = "ntopng.", "ntopng, where values are in Redis."
	key := Arg{Name: "key", Type: "string", Doc: "name"}
	value := Arg{Name: "value", Type: "string", Doc: "text; a number is taken as text"}
	field := Arg{Name: "field", Type: "string", Doc: "name inside the hash"}
	member := Arg{Name: "member", Type: "string", Doc: "text"}
	expires := Arg{Name: "expires", Type: "number", Doc: "seconds until the value is gone; none or 0 for never", Optional: true}
	return []Function{
		{Name: "getCache", Returns: "string", Args: []Arg{key}, Doc: "A value that a script has set; an empty string when there is none. All checks of the process share the values, which last until it ends: what must outlast it is for network.setCachedAlertValue. A check can hold 10,000 of them with 4 MiB.", Source: redis, fn: (*VM).ntopGetCache},
		{Name: "setCache", Returns: "nil", Args: []Arg{key, value, expires}, Doc: "Sets a value.", Source: redis, fn: (*VM).ntopSetCache},
		{Name: "delCache", Returns: "nil", Args: []Arg{key}, Doc: "Removes a value, a hash or a set.", Source: redis, fn: (*VM).ntopDelCache},
		{Name: "getKeysCache", Returns: "table or nil", Args: []Arg{{Name: "pattern", Type: "string", Doc: "a name, or its beginning and *"}}, Doc: "The names of values, as keys of the table; nil when there are none.", Source: ntopng + " Patterns with * elsewhere are not known here.", fn: (*VM).ntopKeysCache},
		{Name: "getPref", Returns: "string", Args: []Arg{key}, Doc: "The same store as getCache.", Source: redis, fn: (*VM).ntopGetCache},
		{Name: "setPref", Returns: "nil", Args: []Arg{key, value}, Doc: "The same store as setCache.", Source: redis, fn: (*VM).ntopSetCache},
		{Name: "getPrefs", Returns: "table", Doc: "An empty table: netmond's settings are in its configuration file.", Source: "ntopng, whose core has some hundred.", fn: pushTable},
		{Name: "getHashCache", Returns: "string", Args: []Arg{key, field}, Doc: "A value of a hash; an empty string when there is none.", Source: redis, fn: (*VM).ntopGetHash},
		{Name: "setHashCache", Returns: "nil", Args: []Arg{key, field, value}, Doc: "Sets a value of a hash.", Source: redis, fn: (*VM).ntopSetHash},
		{Name: "delHashCache", Returns: "nil", Args: []Arg{key, field}, Doc: "Removes a value of a hash.", Source: redis, fn: (*VM).ntopDelHash},
		{Name: "getHashAllCache", Returns: "table or nil", Args: []Arg{key}, Doc: "The values of a hash by their fields; nil when there are none.", Source: redis, fn: (*VM).ntopHashAll},
		{Name: "getHashKeysCache", Returns: "table or nil", Args: []Arg{key}, Doc: "The fields of a hash, as keys of the table; nil when there are none.", Source: redis, fn: (*VM).ntopHashKeys},
		{Name: "getMembersCache", Returns: "array", Args: []Arg{key}, Doc: "The members of a set, sorted.", Source: redis, fn: (*VM).ntopMembers},
		{Name: "setMembersCache", Returns: "nil", Args: []Arg{key, member}, Doc: "Puts a member into a set.", Source: redis, fn: (*VM).ntopAddMember},
		{Name: "delMembersCache", Returns: "nil", Args: []Arg{key, member}, Doc: "Takes a member out of a set.", Source: redis, fn: (*VM).ntopDelMember},
	}
}

// sharedArgs reads the strings that begin a function's arguments, as a key of kind; a third one is in
// rest. When one is wrong, nil is on the stack.
func (v *VM) sharedArgs(l *glua.LState, kind SharedKind, names ...string) (key SharedKey, rest string, ok bool) {
	key.Kind = kind
	into := [...]*string{&key.Name, &key.Field, &rest}
	if kind == SharedValue {
		into[1] = &rest
	}
	for i, name := range names {
		value := l.Get(i + 1)
		text, isText := concatText(value)
		if !isText || i == 0 && value.Type() != glua.LTString {
			v.argumentError(l, "", i+1, name, "string")
			return key, "", false
		}
		*into[i] = text
	}
	return key, rest, true
}

func (v *VM) sharedNow() int64 { return v.clock().UnixNano() }

// share stores a value; a refusal is a warning.
func (v *VM) share(l *glua.LState, key SharedKey, value string, until int64) int {
	function := v.calling
	if err := v.opts.Shared.Store(v.owner, key, value, v.sharedNow(), until); err != nil {
		v.warn(l, function+": "+err.Error())
	}
	return pushNil(l)
}

func (v *VM) ntopGetCache(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedValue, "key")
	if !ok {
		return 1
	}
	text, _ := v.opts.Shared.Load(key, v.sharedNow())
	return pushText(l, text)
}

func (v *VM) ntopSetCache(l *glua.LState) int {
	key, value, ok := v.sharedArgs(l, SharedValue, "key", "value")
	if !ok {
		return 1
	}
	until := int64(0)
	if seconds, ok := l.Get(3).(glua.LNumber); ok && seconds > 0 && float64(seconds) < maxExpiry.Seconds() {
		until = v.sharedNow() + int64(float64(seconds)*1e9)
	}
	return v.share(l, key, value, until)
}

func (v *VM) ntopDelCache(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedValue, "key")
	if !ok {
		return 1
	}
	v.opts.Shared.Delete(key)
	for _, kind := range []SharedKind{SharedHash, SharedSet} {
		for _, e := range v.opts.Shared.Scan(kind, key.Name, false, v.sharedNow()) {
			v.opts.Shared.Delete(e.SharedKey)
		}
	}
	return pushNil(l)
}

// pushNames pushes a table with names as keys, or nil without any.
func (v *VM) pushNames(l *glua.LState, entries []SharedEntry, name func(e *SharedEntry) (key, value string)) int {
	if len(entries) == 0 {
		return pushNil(l)
	}
	t := v.state.CreateTable(0, len(entries))
	for i := range entries {
		key, value := name(&entries[i])
		t.RawSetString(key, glua.LString(value))
	}
	l.Push(t)
	return 1
}

func (v *VM) ntopKeysCache(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedValue, "pattern")
	if !ok {
		return 1
	}
	name, prefix := strings.CutSuffix(key.Name, "*")
	found := v.opts.Shared.Scan(SharedValue, name, prefix, v.sharedNow())
	return v.pushNames(l, found, func(e *SharedEntry) (string, string) { return e.Name, "" })
}

func (v *VM) ntopGetHash(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedHash, "key", "field")
	if !ok {
		return 1
	}
	text, _ := v.opts.Shared.Load(key, v.sharedNow())
	return pushText(l, text)
}

func (v *VM) ntopSetHash(l *glua.LState) int {
	key, value, ok := v.sharedArgs(l, SharedHash, "key", "field", "value")
	if !ok {
		return 1
	}
	return v.share(l, key, value, 0)
}

func (v *VM) ntopDelHash(l *glua.LState) int { return v.unshare(l, SharedHash, "field") }

func (v *VM) ntopDelMember(l *glua.LState) int { return v.unshare(l, SharedSet, "member") }

func (v *VM) unshare(l *glua.LState, kind SharedKind, field string) int {
	key, _, ok := v.sharedArgs(l, kind, "key", field)
	if !ok {
		return 1
	}
	v.opts.Shared.Delete(key)
	return pushNil(l)
}

func (v *VM) ntopHashAll(l *glua.LState) int {
	return v.hashTable(l, func(e *SharedEntry) (string, string) { return e.Field, e.Value })
}

func (v *VM) ntopHashKeys(l *glua.LState) int {
	return v.hashTable(l, func(e *SharedEntry) (string, string) { return e.Field, "" })
}

func (v *VM) hashTable(l *glua.LState, entry func(e *SharedEntry) (key, value string)) int {
	key, _, ok := v.sharedArgs(l, SharedHash, "key")
	if !ok {
		return 1
	}
	return v.pushNames(l, v.opts.Shared.Scan(SharedHash, key.Name, false, v.sharedNow()), entry)
}

func (v *VM) ntopAddMember(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedSet, "key", "member")
	if !ok {
		return 1
	}
	return v.share(l, key, "", 0)
}

func (v *VM) ntopMembers(l *glua.LState) int {
	key, _, ok := v.sharedArgs(l, SharedSet, "key")
	if !ok {
		return 1
	}
	found := v.opts.Shared.Scan(SharedSet, key.Name, false, v.sharedNow())
	t := v.state.CreateTable(len(found), 0)
	for i := range found {
		t.Append(glua.LString(found[i].Field))
	}
	l.Push(t)
	return 1
}
