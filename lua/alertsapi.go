package lua

import (
	"strconv"

	glua "github.com/yuin/gopher-lua"
)

func (v *VM) alertsAPIModule() glua.LValue {
	return v.library(map[string]glua.LGFunction{
		"networkEntity": v.networkEntity, "networkAlertEntity": v.networkEntity,
		"store": v.alertsStore, "trigger": v.alertsTrigger, "release": v.alertsRelease,
		"network_delta_val": v.networkDelta, "checkThresholdAlert": v.checkThreshold,
	})
}

// networkEntity(cidr) names a network as the subject of an alert.
func (v *VM) networkEntity(l *glua.LState) int {
	name, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "alerts_api.networkEntity", 1, "cidr", "string")
	}
	entities := v.module("alert_entities", v.builtins["alert_entities"]).(*glua.LTable)
	l.Push(v.table("alert_entity", entities.RawGetString("network"), "entity_val", name))
	return 1
}

// secondTable reports whether a call has ntopng's form (entity, type, ...), not the reference's (alert).
func secondTable(l *glua.LState) bool { return l.Get(2).Type() == glua.LTTable }

// alertsStore: store(alert) engages unless it is engaged, for the reference pairs it with release;
// store(entity, alert) is ntopng's, an event without state.
func (v *VM) alertsStore(l *glua.LState) int {
	if secondTable(l) {
		return v.alertRecord(l, argTable(l, 2), l.Get(1))
	}
	v.calling = "alerts_api.store"
	t, ok := l.Get(1).(*glua.LTable)
	if !ok {
		return v.argumentError(l, v.calling, 1, "alert", "table")
	}
	a, ok := v.readAlert(l, t, glua.LNil)
	if !ok {
		return pushNil(l)
	}
	v.touch(a.Key)
	v.describeAlert(l, t, &a)
	return pushBool(l, v.engage(l, v.calling, a))
}

// alertsTrigger is trigger(entity, alert, when, cur_alerts).
func (v *VM) alertsTrigger(l *glua.LState) int {
	if !secondTable(l) {
		return v.argumentError(l, "alerts_api.trigger", 2, "alert", "table")
	}
	return v.alertTrigger(l, argTable(l, 2), l.Get(1), l.Get(4))
}

// alertsRelease: release(alert), or ntopng's release(entity, alert, when, cur_alerts).
func (v *VM) alertsRelease(l *glua.LState) int {
	if secondTable(l) {
		return v.alertRelease(l, argTable(l, 2), l.Get(1), l.Get(4))
	}
	v.calling = "alerts_api.release"
	t, ok := l.Get(1).(*glua.LTable)
	if !ok {
		return v.argumentError(l, v.calling, 1, "alert", "table")
	}
	a, ok := v.readAlert(l, t, glua.LNil)
	if !ok {
		return pushNil(l)
	}
	v.touch(a.Key)
	_, released := v.release(l, v.calling, a.Key, v.clock().Unix())
	return pushBool(l, released)
}

// networkDelta is network_delta_val(metric, granularity, value): how much value rose since the last
// run of this granularity. It is 0 on the first run, where ntopng gives the whole value, and when the
// counter began anew.
func (v *VM) networkDelta(l *glua.LState) int {
	const function = "alerts_api.network_delta_val"
	metric, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 1, "metric", "string")
	}
	period, ok := periodicityOf(l, l.Get(2))
	if !ok {
		return v.argumentError(l, function, 2, "granularity", "min, 5mins, hour or day")
	}
	value, ok := toNumber(l.Get(3))
	if !ok {
		return v.argumentError(l, function, 3, "value", "number")
	}
	n := v.needNet(l, function)
	if n == nil {
		return pushNil(l)
	}
	key := string(metric) + ":" + strconv.Itoa(int(period))
	before, known := parseNumber(v.opts.Sink.CachedValue(n.Prefix.String(), int(period), key))
	if err := v.opts.Sink.SetCachedValue(n.Prefix.String(), int(period), key, formatExact(value)); err != nil {
		v.warn(l, function+": "+err.Error())
	}
	if !known || before > value {
		before = value
	}
	l.Push(glua.LNumber(value - before))
	return 1
}

// checkThreshold is checkThresholdAlert(params, alert_type, value, attacker, victim): triggers the
// alert when value crosses check_config.threshold, else releases it.
func (v *VM) checkThreshold(l *glua.LState) int {
	const function = "alerts_api.checkThresholdAlert"
	params, ok := l.Get(1).(*glua.LTable)
	if !ok {
		return v.argumentError(l, function, 1, "params", "table")
	}
	class, ok := l.Get(2).(*glua.LTable)
	if !ok {
		return v.argumentError(l, function, 2, "alert_type", "alert type")
	}
	value, ok := toNumber(l.Get(3))
	if !ok {
		return v.argumentError(l, function, 3, "value", "number")
	}
	config, _ := l.GetField(params, "check_config").(*glua.LTable)
	check, _ := l.GetField(params, "check").(*glua.LTable)
	if config == nil || check == nil {
		return v.argumentError(l, function, 1, "params", "table with check and check_config")
	}
	threshold, ok := toNumber(l.GetField(config, "threshold"))
	if !ok {
		v.stats.ArgumentErrors++
		v.warn(l, function+": check_config.threshold is not a number")
		return pushNil(l)
	}
	operator, _ := concatText(l.GetField(config, "operator"))
	crossed := value > threshold
	if operator == "lt" {
		crossed = value < threshold
	} else {
		operator = "gt"
	}
	key := l.GetField(check, "key")
	attacker, victim := l.Get(4), l.Get(5)
	alert, ok := callMeta(l, l.GetField(class, "new"), key, glua.LNumber(value), glua.LString(operator), glua.LNumber(threshold)).(*glua.LTable)
	if !ok {
		return v.argumentError(l, function, 2, "alert_type", "class whose new gives an alert")
	}
	method := func(name string, args ...glua.LValue) {
		if fn := l.GetField(alert, name); fn.Type() == glua.LTFunction {
			callMeta(l, fn, append([]glua.LValue{alert}, args...)...)
		}
	}
	method("set_info", params)
	method("set_subtype", key)
	if attacker != glua.LNil {
		method("set_attacker", attacker)
	}
	if victim != glua.LNil {
		method("set_victim", victim)
	}
	entity, current := l.GetField(params, "alert_entity"), l.GetField(params, "cur_alerts")
	if crossed {
		method("trigger", entity, glua.LNil, current)
	} else {
		method("release", entity, glua.LNil, current)
	}
	l.Push(glua.LBool(crossed))
	return 1
}

// formatExact is n so that parseNumber gives it back.
func formatExact(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
