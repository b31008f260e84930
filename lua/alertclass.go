package lua

import (
	"strconv"

	"github.com/netmond/netmond/alerts"
	glua "github.com/yuin/gopher-lua"
)

// alertClass makes the class of an alert type: a table with meta, and new, which is called with a dot
// or a colon.
func (v *VM) alertClass(name string, id int) *glua.LTable {
	class := v.table("meta", v.table("alert_key", id, "i18n_title", name, "icon", "fas fa-exclamation",
		"entities", v.state.NewTable()), "alert_key", id, "alert_name", name)
	methods := v.alertMethods()
	methods.RawSetString("meta", class.RawGetString("meta"))
	object := v.table("__index", methods)
	class.RawSetString("new", v.state.NewFunction(func(l *glua.LState) int {
		if l.Get(1) == class {
			l.Remove(1)
		}
		a := v.table("alert_type", class, "alert_name", name)
		a.RawSetString("alert_type_params", v.alertParams(l))
		a.Metatable = object
		l.Push(a)
		return 1
	}))
	return class
}

// alertParams takes what new was given: one table as it is, else the values under the names that
// threshold alerts use.
func (v *VM) alertParams(l *glua.LState) *glua.LTable {
	if t, ok := l.Get(1).(*glua.LTable); ok && l.GetTop() == 1 && trafficOf(t) == nil {
		v.fill(t)
		return t
	}
	names := []string{"metric", "value", "operator", "threshold"}
	params := v.state.NewTable()
	for i := 1; i <= l.GetTop(); i++ {
		name := "arg" + strconv.Itoa(i)
		if i <= len(names) {
			name = names[i-1]
		}
		value := l.Get(i)
		if t, ok := value.(*glua.LTable); ok && trafficOf(t) != nil {
			n, _ := toNumber(t)
			value = glua.LNumber(n)
		}
		params.RawSetString(name, value)
	}
	return params
}

// alertMethods are the methods of alert objects. They read and write fields through metatables, for
// the self of a class's own methods may be a view of the object (builtin/classes.lua).
func (v *VM) alertMethods() *glua.LTable {
	set := func(name string) glua.LGFunction {
		return func(l *glua.LState) int {
			l.SetField(argTable(l, 1), name, l.Get(2))
			return 0
		}
	}
	param := func(name string) glua.LGFunction {
		return func(l *glua.LState) int {
			if params, ok := l.GetField(argTable(l, 1), "alert_type_params").(*glua.LTable); ok {
				params.RawSetString(name, l.Get(2))
			}
			return 0
		}
	}
	methods := map[string]glua.LGFunction{
		"set_info":        v.alertSetInfo,
		"set_score":       set("alert_score"),
		"set_subtype":     set("subtype"),
		"set_granularity": set("granularity"),
		"set_category":    set("alert_category"),
		"set_victim":      param("victim"), "set_attacker": param("attacker"),
		"set_origin": param("origin"), "set_target": param("target"),
		"set_device_type": set("device_type"), "set_device_name": set("device_name"),
		"trigger": func(l *glua.LState) int { return v.alertTrigger(l, argTable(l, 1), l.Get(2), l.Get(4)) },
		"release": func(l *glua.LState) int { return v.alertRelease(l, argTable(l, 1), l.Get(2), l.Get(4)) },
		"store":   func(l *glua.LState) int { return v.alertRecord(l, argTable(l, 1), l.Get(2)) },
	}
	for s := alerts.SeverityInfo; s < alerts.NumSeverities; s++ {
		methods["set_score_"+s.String()] = func(l *glua.LState) int {
			l.SetField(argTable(l, 1), "alert_score", glua.LNumber(s.Score()))
			return 0
		}
	}
	return v.library(methods)
}

// alertSetInfo takes score, subtype and period from the params of a hook, unless they are set.
func (v *VM) alertSetInfo(l *glua.LState) int {
	a := argTable(l, 1)
	params := argTable(l, 2)
	if check, ok := l.GetField(params, "check").(*glua.LTable); ok && l.GetField(a, "alert_score") == glua.LNil {
		if severity := l.GetField(check, "severity"); severity != glua.LNil {
			l.SetField(a, "alert_severity", severity)
		}
	}
	if granularity := l.GetField(params, "granularity"); granularity != glua.LNil {
		l.SetField(a, "granularity", granularity)
	}
	return 0
}

// readAlert makes an alert of an alert object or of ntopng's type_info table; entity says where.
func (v *VM) readAlert(l *glua.LState, t *glua.LTable, entity glua.LValue) (alerts.Alert, bool) {
	if entity != glua.LNil {
		if given, ok := entity.(*glua.LTable); ok && l.GetField(given, "alert_entity") != glua.LNil {
			t.RawSetString("alert_entity", given)
		}
	}
	return v.alertFromTable(l, v.calling, t)
}

// takeCurrent removes the alert from the hook's cur_alerts and reports whether it was there.
func takeCurrent(l *glua.LState, current glua.LValue, a *alerts.Alert) (found, given bool) {
	list, ok := current.(*glua.LTable)
	if !ok {
		return false, false
	}
	for i := 1; i <= list.Len(); i++ {
		if item, ok := list.RawGetInt(i).(*glua.LTable); ok && item.RawGetString("key") == glua.LString(a.Key.Key) {
			list.Remove(i)
			return true, true
		}
	}
	return false, true
}

// alertTrigger engages; true when it is newly engaged or stands in cur_alerts.
func (v *VM) alertTrigger(l *glua.LState, t *glua.LTable, entity, current glua.LValue) int {
	v.calling = "alert:trigger"
	a, ok := v.readAlert(l, t, entity)
	if !ok {
		return pushNil(l)
	}
	v.touch(a.Key)
	if found, _ := takeCurrent(l, current, &a); found {
		return pushBool(l, true)
	}
	v.describeAlert(l, t, &a)
	return pushBool(l, v.engage(l, v.calling, a))
}

// alertRelease releases; true when cur_alerts shows that there is nothing to release.
func (v *VM) alertRelease(l *glua.LState, t *glua.LTable, entity, current glua.LValue) int {
	v.calling = "alert:release"
	a, ok := v.readAlert(l, t, entity)
	if !ok {
		return pushNil(l)
	}
	v.touch(a.Key)
	if found, given := takeCurrent(l, current, &a); given && !found {
		return pushBool(l, true)
	}
	_, released := v.release(l, v.calling, a.Key, v.clock().Unix())
	return pushBool(l, released)
}

// alertRecord notes an alert without state.
func (v *VM) alertRecord(l *glua.LState, t *glua.LTable, entity glua.LValue) int {
	v.calling = "alert:store"
	a, ok := v.readAlert(l, t, entity)
	if !ok {
		return pushNil(l)
	}
	v.describeAlert(l, t, &a)
	if err := v.opts.Sink.Record(a); err != nil {
		v.warn(l, v.calling+": "+err.Error())
		return pushBool(l, false)
	}
	return pushBool(l, true)
}

// touch notes that this run decided about an alert, so that it is not released as a leftover.
func (v *VM) touch(key alerts.Key) {
	if v.run.touched == nil {
		v.run.touched = make(map[alerts.Key]bool)
	}
	v.run.touched[key] = true
}
