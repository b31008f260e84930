package lua

import (
	_ "embed"
	"errors"
	"io/fs"
	"strings"

	"github.com/netmond/netmond/alerts"
	glua "github.com/yuin/gopher-lua"
)

//go:embed builtin/classes.lua
var classesSource string

// classesModule is the class helper that files of alert classes require.
func (v *VM) classesModule() glua.LValue {
	proto, err := compile("builtin/classes.lua", classesSource)
	if err != nil {
		panic(err) // a fault of the binary
	}
	return callMeta(v.state, v.state.NewFunctionFromProto(proto))
}

// alertModule is the parent of alert classes.
func (v *VM) alertModule() glua.LValue {
	t := v.alertMethods()
	t.RawSetString("init", v.state.NewFunction(func(l *glua.LState) int {
		self := argTable(l, 1)
		if l.GetField(self, "alert_type_params") == glua.LNil {
			l.SetField(self, "alert_type_params", v.alertParams(argsFrom(l, 2)))
		}
		return 0
	}))
	return t
}

// argsFrom drops the arguments before the one at from.
func argsFrom(l *glua.LState, from int) *glua.LState {
	for range from - 1 {
		l.Remove(1)
	}
	return l
}

// alertKeysModule holds the numbers of alert types by their names.
func (v *VM) alertKeysModule() glua.LValue {
	t := v.state.NewTable()
	for _, kind := range alertTypes {
		t.RawSetString(kind.name, glua.LNumber(kind.id))
	}
	return t
}

// alertTypesTable has the built-in types, and those of the user's alert_definitions folders, which
// are loaded when a script first asks for them by name.
func (v *VM) alertTypesTable() *glua.LTable {
	types := v.state.NewTable()
	for _, t := range alertTypes {
		types.RawSetString(t.name, v.alertClass(t.name, t.id))
	}
	types.Metatable = v.library(map[string]glua.LGFunction{"__index": v.loadAlertType})
	return types
}

// definitionFolders are where ntopng keeps the classes of alerts of networks and of others.
var definitionFolders = [...]string{"alert_definitions/network/", "alert_definitions/other/"}

// maxAlertKey is the highest number that a user's alert class can have.
const maxAlertKey = 65535

func (v *VM) loadAlertType(l *glua.LState) int {
	types := argTable(l, 1)
	name, ok := l.Get(2).(glua.LString)
	if !ok || !moduleName(string(name)) {
		return pushNil(l)
	}
	for _, folder := range definitionFolders {
		file := folder + string(name)
		path, src, err := v.readScript(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			l.RaiseError("alert class %s: %s", string(name), err.Error())
		}
		class, ok := v.runModule(l, file, path, src).(*glua.LTable)
		if !ok {
			l.RaiseError("alert class %s: %s does not return a class", string(name), path)
		}
		meta, _ := l.GetField(class, "meta").(*glua.LTable)
		if meta == nil {
			l.RaiseError("alert class %s: %s has no table meta", string(name), path)
		}
		if id, ok := numberIn(l, meta, "alert_key"); !ok || id < 0 || id > maxAlertKey {
			l.RaiseError("alert class %s: meta.alert_key of %s is not a number from 0 to %d", string(name), path, maxAlertKey)
		}
		if l.GetField(class, "new").Type() != glua.LTFunction {
			l.RaiseError("alert class %s: %s has no function new: it is made with classes.class(alert)", string(name), path)
		}
		types.RawSetString(string(name), class)
		l.Push(class)
		return 1
	}
	return pushNil(l)
}

// maxDescription is how much of a description is kept, in bytes.
const maxDescription = 4096

// describeAlert sets the description of a to what format(ifid, alert, params) of its class says, or, of
// a class without it, to what its params say of a threshold. A class whose format fails still gives alerts,
// and a warning.
func (v *VM) describeAlert(l *glua.LState, t *glua.LTable, a *alerts.Alert) {
	format := l.GetField(t, "format")
	if class, ok := l.GetField(t, "alert_type").(*glua.LTable); ok && format == glua.LNil {
		format = l.GetField(class, "format")
	}
	params := l.GetField(t, "alert_type_params")
	if format.Type() != glua.LTFunction {
		if params, ok := params.(*glua.LTable); ok {
			a.Description = describeThreshold(params)
		}
		return
	}
	if params == glua.LNil {
		params = v.state.NewTable()
	}
	top := l.GetTop()
	l.Push(format)
	l.Push(glua.LNumber(v.opts.Interface.ID))
	l.Push(v.alertTable(a))
	l.Push(params)
	if err := v.protectedCall(l, 3); err != nil {
		v.warn(l, "format of alert "+a.Key.Key+": "+errorText(err))
		return
	}
	text, ok := concatText(l.Get(top + 1))
	l.SetTop(top)
	if ok {
		a.Description = strings.ToValidUTF8(text[:min(len(text), maxDescription)], "")
	}
}

// describeThreshold is a sentence of what threshold alerts have in their params: metric, value, operator
// and threshold. It is empty where metric or value is missing.
func describeThreshold(params *glua.LTable) string {
	metric, ok := params.RawGetString("metric").(glua.LString)
	value, number := toNumber(params.RawGetString("value"))
	if !ok || !number || len(metric) > maxDescription/2 {
		return ""
	}
	text := strings.ToValidUTF8(string(metric), "") + ": " + formatNumber(value)
	threshold, ok := toNumber(params.RawGetString("threshold"))
	switch operator, _ := concatText(params.RawGetString("operator")); {
	case !ok:
	case operator == "gt":
		text += ", over the threshold of " + formatNumber(threshold)
	case operator == "lt":
		text += ", under the threshold of " + formatNumber(threshold)
	}
	return text
}

// maxTemplate bounds the text that i18n puts values into, in bytes.
const maxTemplate = 64 << 10

// baseI18n is i18n(text, params), which alert classes call for their sentences. There are no
// translations: it gives the text with each %{name} replaced by the value of that name.
func baseI18n(l *glua.LState) int {
	text := argString(l, 1)
	params, _ := l.Get(2).(*glua.LTable)
	if params == nil || len(text) > maxTemplate || !strings.Contains(text, "%{") {
		return pushText(l, text)
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "%{")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if found {
				b.WriteString("%{" + rest)
			}
			break
		}
		value, ok := concatText(l.GetField(params, name))
		if !ok {
			value = "%{" + name + "}"
		}
		checkStringSize(l, b.Len()+len(value))
		b.WriteString(value)
		text = after
	}
	return pushText(l, b.String())
}
