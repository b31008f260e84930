package lua

import (
	"fmt"
	"math"
	"strconv"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
)

// field is the first of t's fields names that is not nil.
func field(l *glua.LState, t *glua.LTable, names ...string) glua.LValue {
	for _, name := range names {
		if value := l.GetField(t, name); value != glua.LNil {
			return value
		}
	}
	return glua.LNil
}

// numberIn reads a number, or a table that holds one under one of names.
func numberIn(l *glua.LState, value glua.LValue, names ...string) (int, bool) {
	if t, ok := value.(*glua.LTable); ok && trafficOf(t) == nil {
		value = field(l, t, names...)
	}
	n, ok := toNumber(value)
	if !ok || math.IsNaN(n) {
		return 0, false
	}
	return int(max(min(n, math.MaxInt32), math.MinInt32)), true
}

// alertTypeID reads an alert type: a number, a class with meta.alert_key, or a table with alert_key.
func alertTypeID(l *glua.LState, value glua.LValue) (int, bool) {
	if t, ok := value.(*glua.LTable); ok {
		if meta, ok := l.GetField(t, "meta").(*glua.LTable); ok {
			return numberIn(l, meta, "alert_key")
		}
	}
	return numberIn(l, value, "alert_key", "alert_id", "alert_type")
}

// periodicityNumber is the periodicity, and namespace of cached values, that a script's number means.
func periodicityNumber(n float64) (alerts.Periodicity, bool) {
	if n >= 0 && n < alerts.NumPeriodicities { // not NaN
		p := alerts.Periodicity(n)
		return p, p.Valid()
	}
	return 0, false
}

// periodicityOf reads a period: a hook's name, a number by ntopng's numbering, or a table of
// alert_consts.alerts_granularities.
func periodicityOf(l *glua.LState, value glua.LValue) (alerts.Periodicity, bool) {
	switch x := value.(type) {
	case glua.LString:
		return alerts.ParsePeriodicity(string(x))
	case *glua.LTable:
		if n, ok := numberIn(l, x, "granularity_id"); ok {
			return periodicityNumber(float64(n))
		}
	case glua.LNumber:
		return periodicityNumber(float64(x))
	}
	return 0, false
}

// newAlert fills what every alert has.
func (v *VM) newAlert(n *localnets.NetworkStats) alerts.Alert {
	a := alerts.Alert{
		Key:       alerts.Key{Network: n.Prefix.String(), Periodicity: v.run.period},
		NetworkID: n.ID, NetworkName: n.Name,
		Time: v.clock().Unix(),
	}
	if v.run.check != nil {
		a.Check, a.Category = v.run.check.Key, v.run.check.category
	}
	return a
}

// alertFromTable reads the reference's alert table, or an alert object of ntopng's classes. The
// network is the table's alert_entity where it names one, else the selected one.
func (v *VM) alertFromTable(l *glua.LState, function string, t *glua.LTable) (alerts.Alert, bool) {
	n := v.entityNet(l, t)
	if n == nil {
		if n = v.needNet(l, function); n == nil {
			return alerts.Alert{}, false
		}
	}
	a := v.newAlert(n)
	bad := func(name, want string, value glua.LValue) (alerts.Alert, bool) {
		v.stats.ArgumentErrors++
		v.warn(l, fmt.Sprintf("%s: alert.%s: %s expected, got %s", function, name, want, describe(value)))
		return alerts.Alert{}, false
	}
	kind := field(l, t, "alert_type", "alert_id")
	if kind == glua.LNil { // an alert object carries its class's meta
		kind = t
	}
	var ok bool
	if a.ID, ok = alertTypeID(l, kind); !ok {
		return bad("alert_type", "alert type or number", field(l, t, "alert_type"))
	}
	severity := field(l, t, "alert_severity", "severity")
	if severity != glua.LNil {
		id, ok := numberIn(l, severity, "severity_id")
		if !ok || id < 0 || id >= int(alerts.NumSeverities) {
			return bad("alert_severity", "severity or number 0 to 8", severity)
		}
		a.Score = alerts.Severity(id).Score()
	}
	if score := field(l, t, "alert_score", "score"); score != glua.LNil {
		n, ok := numberIn(l, score)
		if !ok {
			return bad("alert_score", "number", score)
		}
		a.Score = max(min(n, alerts.MaxScore), 0)
	}
	if subtype := field(l, t, "subtype", "alert_subtype"); subtype != glua.LNil {
		if a.Subtype, ok = concatText(subtype); !ok {
			return bad("subtype", "string", subtype)
		}
	}
	if category := field(l, t, "alert_category", "category"); category != glua.LNil {
		if a.Category, ok = numberIn(l, category, "id"); !ok {
			return bad("alert_category", "category or number", category)
		}
	}
	if p := field(l, t, "granularity", "periodicity"); p != glua.LNil {
		if a.Periodicity, ok = periodicityOf(l, p); !ok {
			return bad("periodicity", "min, 5mins, hour, day, 5sec or number 0 to 5", p)
		}
	}
	a.Key.Key = strconv.Itoa(a.ID) + "@" + a.Subtype
	if key, ok := field(l, t, "key").(glua.LString); ok {
		a.Key.Key = string(key)
	}
	if when, ok := numberIn64(field(l, t, "tstamp")); ok {
		a.Time = when
	}
	switch params := field(l, t, "json", "alert_type_params").(type) {
	case glua.LString:
		a.JSON = string(params)
	case *glua.LTable:
		text, err := v.encodeJSON(l, params)
		if err != nil {
			return bad("json", "a table that JSON can hold ("+err.Error()+")", params)
		}
		a.JSON = text
	}
	return a, true
}

// numberIn64 reads a time in seconds.
func numberIn64(value glua.LValue) (int64, bool) {
	n, ok := value.(glua.LNumber)
	if !ok || !(math.Abs(float64(n)) < 1<<53) {
		return 0, false
	}
	return int64(n), true
}

// entityNet is the network that a table's alert_entity names, or nil.
func (v *VM) entityNet(l *glua.LState, t *glua.LTable) *localnets.NetworkStats {
	entity, ok := l.GetField(t, "alert_entity").(*glua.LTable)
	if !ok {
		return nil
	}
	name, ok := l.GetField(entity, "entity_val").(glua.LString)
	if !ok {
		return nil
	}
	if id := v.lookup(string(name)); id != localnets.NoNetwork {
		return &v.run.snap.Networks[id]
	}
	return nil
}

// engage puts an alert into the sink; a refusal is a warning.
func (v *VM) engage(l *glua.LState, function string, a alerts.Alert) bool {
	fresh, err := v.opts.Sink.Engage(a)
	if err != nil {
		v.warn(l, function+": "+err.Error())
	}
	return fresh
}

func (v *VM) release(l *glua.LState, function string, key alerts.Key, end int64) (alerts.Alert, bool) {
	a, ok, err := v.opts.Sink.Release(key, end)
	if err != nil {
		v.warn(l, function+": "+err.Error())
	}
	return a, ok
}

func (v *VM) networkStoreAlert(l *glua.LState) int {
	const function = "network.storeTriggeredAlert"
	if t, ok := l.Get(1).(*glua.LTable); ok {
		if a, ok := v.alertFromTable(l, function, t); ok {
			v.describeAlert(l, t, &a)
			v.engage(l, function, a)
		}
		return pushNil(l)
	}
	key, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 1, "alert", "table, or key string")
	}
	period, ok := v.namespace(l, function, 2)
	if !ok {
		return 1
	}
	var numbers [2]int
	for i, name := range []string{"score", "alert_id"} {
		n, ok := l.Get(3 + i).(glua.LNumber)
		if !ok || n != n {
			return v.argumentError(l, function, 3+i, name, "number")
		}
		numbers[i] = int(max(min(n, math.MaxInt32), math.MinInt32))
	}
	var texts [2]string
	for i, name := range []string{"subtype", "json"} {
		s, ok := l.Get(5 + i).(glua.LString)
		if !ok {
			return v.argumentError(l, function, 5+i, name, "string")
		}
		texts[i] = string(s)
	}
	n := v.needNet(l, function)
	if n == nil {
		return pushNil(l)
	}
	a := v.newAlert(n)
	a.Key.Key, a.Periodicity = string(key), period
	a.Score, a.ID = max(min(numbers[0], alerts.MaxScore), 0), numbers[1]
	a.Subtype, a.JSON = texts[0], texts[1]
	a.IP, _ = concatText(l.Get(7))
	a.Name, _ = concatText(l.Get(8))
	if port, ok := l.Get(9).(glua.LNumber); ok && port >= 0 && port <= math.MaxUint16 {
		a.Port = int(port)
	}
	if !v.engage(l, function, a) {
		return pushNil(l)
	}
	l.Push(v.alertTable(&a))
	return 1
}

func (v *VM) networkReleaseAlert(l *glua.LState) int {
	const function = "network.releaseTriggeredAlert"
	if t, ok := l.Get(1).(*glua.LTable); ok {
		if a, ok := v.alertFromTable(l, function, t); ok {
			v.release(l, function, a.Key, v.clock().Unix())
		}
		return pushNil(l)
	}
	key, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, function, 1, "alert", "table, or key string")
	}
	period, ok := v.namespace(l, function, 2)
	if !ok {
		return 1
	}
	when, ok := numberIn64(l.Get(3))
	if !ok {
		return v.argumentError(l, function, 3, "time", "number")
	}
	n := v.needNet(l, function)
	if n == nil {
		return pushNil(l)
	}
	a, ok := v.release(l, function, alerts.Key{Network: n.Prefix.String(), Periodicity: period, Key: string(key)}, when)
	if !ok {
		return pushNil(l)
	}
	l.Push(v.alertTable(&a))
	return 1
}

// alertTable is an alert as getAlerts gives it, with ntopng's field names.
func (v *VM) alertTable(a *alerts.Alert) *glua.LTable {
	end := a.End
	if end == 0 {
		end = v.clock().Unix()
	}
	return v.table(
		"alert_id", a.ID, "subtype", a.Subtype, "key", a.Key.Key,
		"entity_id", networkEntityID, "entity_val", a.NetworkName,
		"score", a.Score, "severity", int(a.Severity()), "name", a.Name,
		"tstamp", a.Time, "tstamp_end", end, "granularity", a.Periodicity.Seconds(),
		"json", a.JSON, "ip", a.IP, "port", a.Port, "engaged", a.End == 0,
		"network_id", a.NetworkID, "cidr", a.Network, "script_key", a.Check,
		"alert_category", a.Category, "description", a.Description,
		"row_id", a.RowID, "alert_status", int(a.Status), "user_label", a.Label,
	)
}
