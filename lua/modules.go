package lua

import (
	"strings"

	"github.com/netmond/netmond/alerts"
	glua "github.com/yuin/gopher-lua"
)

// builtinModules are what require gives without a file; each is built when first asked for.
func (v *VM) builtinModules() map[string]func() glua.LValue {
	return map[string]func() glua.LValue{
		"checks":           v.checksModule,
		"alert_consts":     v.alertConstsModule,
		"alert_severities": v.severitiesModule,
		"alert_categories": v.categoriesModule,
		"alert_entities":   v.entitiesModule,
		"alerts_api":       v.alertsAPIModule,
		"alert":            v.alertModule,
		"classes":          v.classesModule,
		"other_alert_keys": v.alertKeysModule,
		"alert_keys": func() glua.LValue {
			keys := v.module("other_alert_keys", v.builtins["other_alert_keys"])
			return v.table("ntopng", keys, "user", keys)
		},
		"field_units":  v.fieldUnitsModule,
		"format_utils": v.formatUtilsModule,
		"json":         v.jsonModule,
		"dkjson":       v.jsonModule,
		"rest_utils":   v.restUtilsModule,
	}
}

// BuiltinModules are the names that require knows without a file.
func BuiltinModules() []string {
	return sortedKeys((&VM{}).builtinModules())
}

// The reference's numbers of periodicities; ntopng's granularity IDs are one higher.
func (v *VM) checksModule() glua.LValue {
	categories := v.state.NewTable()
	for _, c := range checkCategories {
		categories.RawSetString(c.name, v.table("id", c.id, "i18n_title", c.name))
	}
	return v.table(
		"periodicities", v.table("min", 0, "5mins", 1, "hour", 2, "day", 3, "five_mins", 1,
			"5sec", int(alerts.FiveSeconds), "five_sec", int(alerts.FiveSeconds)),
		"check_categories", categories,
		"field_units", v.fieldUnitsModule(),
		"is_alert_re_arming", v.state.NewFunction(func(l *glua.LState) int { return pushBool(l, false) }),
	)
}

// numbered is a name with ntopng's number.
type numbered struct {
	name string
	id   int
}

var checkCategories = []numbered{
	{"other", 0}, {"security", 1}, {"internals", 2}, {"network", 3}, {"system", 4},
	{"ids_ips", 5}, {"active_monitoring", 6}, {"snmp", 7},
}

var alertEntities = []numbered{
	{"interface", 0}, {"host", 1}, {"network", networkEntityID}, {"snmp_device", 3}, {"flow", 4}, {"mac", 5},
	{"host_pool", 6}, {"user", 7}, {"am_host", 8}, {"system", 9}, {"other", 15},
}

// alertTypes are the types that alerts of networks have, with ntopng's numbers; alert_network_anomaly
// is the reference's and has none there. Those above 5100 are of the checks that netmond brings;
// alert_user_1 to alert_user_8 are free for scripts.
var alertTypes = []numbered{
	{"alert_ghost_network", 4102}, {"alert_threshold_cross", 4136}, {"alert_flow_flood_victim", 4153},
	{"alert_tcp_syn_flood_victim", 4155}, {"alert_tcp_syn_scan_victim", 4157},
	{"alert_broadcast_domain_too_large", 4164}, {"alert_network_discovery_executed", 4171},
	{"alert_network_score_per_host", 4174}, {"alert_network_issues", 4179},
	{"alert_network_rule_threshold_cross", 4180}, {"alert_cidr_rule_threshold_crossed", 4186},
	{"alert_network_anomaly", 5000},
	{"alert_idle_network", 5101}, {"alert_broadcast_storm", 5102}, {"alert_new_hosts", 5103},
	{"alert_forbidden_traffic", 5104}, {"alert_rtt_degradation", 5105},
	{"alert_user_1", 5001}, {"alert_user_2", 5002}, {"alert_user_3", 5003}, {"alert_user_4", 5004},
	{"alert_user_5", 5005}, {"alert_user_6", 5006}, {"alert_user_7", 5007}, {"alert_user_8", 5008},
}

// AlertTypeName is the name of an alert type's number, without its prefix; empty when unknown.
func AlertTypeName(id int) string {
	for _, t := range alertTypes {
		if t.id == id {
			return strings.TrimPrefix(t.name, "alert_")
		}
	}
	return ""
}

func (v *VM) severitiesModule() glua.LValue {
	t := v.state.NewTable()
	for s := range alerts.NumSeverities {
		t.RawSetString(s.String(), v.table("severity_id", int(s), "label", s.String(), "i18n_title", s.String(), "score", s.Score()))
	}
	return t
}

func (v *VM) categoriesModule() glua.LValue {
	t := v.state.NewTable()
	for _, c := range checkCategories {
		t.RawSetString(c.name, v.table("id", c.id, "i18n_title", c.name))
	}
	return t
}

func (v *VM) entitiesModule() glua.LValue {
	t := v.state.NewTable()
	for _, e := range alertEntities {
		t.RawSetString(e.name, v.table("entity_id", e.id, "i18n_label", e.name, "alert_store_name", e.name))
	}
	return t
}

func (v *VM) alertConstsModule() glua.LValue {
	severities := v.module("alert_severities", v.builtins["alert_severities"])
	granularities := v.state.NewTable()
	for _, p := range append([]alerts.Periodicity{alerts.Aperiodic}, alerts.Periodicities()...) {
		granularities.RawSetString(p.String(), v.table("granularity_id", int(p), "granularity_seconds", p.Seconds(), "i18n_title", p.String()))
	}
	status := v.table(
		"historical", v.table("alert_status_id", int(alerts.StatusHistorical)),
		"acknowledged", v.table("alert_status_id", int(alerts.StatusAcknowledged)),
		"engaged", v.table("alert_status_id", int(alerts.StatusEngaged)),
		"any", v.table("alert_status_id", int(alerts.StatusAny)),
	)
	return v.table(
		"alert_types", v.alertTypesTable(), "alert_severities", severities,
		"alerts_granularities", granularities, "alert_granularities", granularities, "alert_status", status,
		"alert_entities", v.module("alert_entities", v.builtins["alert_entities"]),
		"get_printable_severities", v.state.NewFunction(func(l *glua.LState) int {
			l.Push(severities)
			return 1
		}),
		"alertSeverityById", v.state.NewFunction(func(l *glua.LState) int {
			id, ok := numberIn(l, l.Get(1))
			if !ok || id < 0 || id >= int(alerts.NumSeverities) {
				return pushNil(l)
			}
			l.Push(l.GetField(severities, alerts.Severity(id).String()))
			return 1
		}),
		"sec2granularity", v.state.NewFunction(func(l *glua.LState) int {
			seconds, ok := numberIn(l, l.Get(1))
			for _, p := range alerts.Periodicities() {
				if ok && p.Seconds() == int64(seconds) {
					l.Push(glua.LString(p.String()))
					return 1
				}
			}
			return pushNil(l)
		}),
	)
}

// fieldUnitsModule names the units of a check's threshold; scripts only pass them on.
func (v *VM) fieldUnitsModule() glua.LValue {
	t := v.state.NewTable()
	for _, name := range []string{
		"seconds", "bytes", "flows", "percentage", "mbits", "flow_sec", "flow_min", "syn_sec", "syn_min",
		"hosts", "packets", "score", "ms", "contacts", "queries", "packets_sec", "bytes_sec",
	} {
		t.RawSetString(name, glua.LString(name))
	}
	return t
}
