package lua

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteReference writes docs/lua-api.md: every function of the registration tables and every field of
// the stats table, as Markdown.
func WriteReference(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString(referenceHead)
	for _, m := range Modules() {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", m.Name, m.Doc)
		for i := range m.Functions {
			writeFunction(b, m.Name, &m.Functions[i])
		}
	}
	b.WriteString(referenceFields)
	b.WriteString("\n| Field | Type | Unit | Defined by | Meaning |\n|---|---|---|---|---|\n")
	for i := range statsFields {
		f := &statsFields[i]
		name := "`" + f.Name + "`"
		if f.Alias != "" {
			name += ", `" + f.Alias + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", name, f.Type, f.Unit, f.Source, cell(f.Doc))
	}
	b.WriteString(referenceAlerts)
	b.WriteString(referenceModules)
	for _, name := range BuiltinModules() {
		fmt.Fprintf(b, "| `%s` | %s |\n", name, moduleDocs[name])
	}
	b.WriteString(referenceDialect)
	return b.Flush()
}

func writeFunction(w io.Writer, module string, f *Function) {
	fmt.Fprintf(w, "\n### `%s`\n\n%s\n\n", f.Signature(module), f.Doc)
	for _, a := range f.Args {
		optional := ""
		if a.Optional {
			optional = ", optional"
		}
		fmt.Fprintf(w, "* `%s` (%s%s): %s.\n", a.Name, a.Type, optional, a.Doc)
	}
	fmt.Fprintf(w, "* Returns %s.\n* Defined by: %s\n", f.Returns, f.Source)
}

// cell is text for a table's cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const referenceHead = `# Lua API

Generated from the registration tables by ` + "`go test ./lua -run TestReferenceIsCurrent -update`" + `; do not edit.

A check script sees Lua 5.4 with the tables below as globals. "Reference" is ntopng's document of the
` + "`network.*`" + ` functions, "ntopng" is what its code does where that document is silent or differs.

**Wrong arguments** never stop a script: the function returns one nil, and the use is named (function,
argument, type, file and line) and counted.

**Two styles of script.** A table with ` + "`check(network_info)`" + ` (the reference's style) runs each minute, or at its
` + "`granularity`" + `: "min", "5mins", "hour", "day". A table with ` + "`hooks`" + ` (ntopng's style) runs the functions ` + "`min`, `5mins`, `hour`, `day`" + `
or ` + "`all`" + ` (these four) with ` + "`params`" + `. A script that returns nothing runs as a whole each minute, with ` + "`network_info`" + ` as a global.
Before each run the network is selected, and the global ` + "`_now`" + ` is the time of the run in seconds since 1970. In both styles there is also "5sec", every five seconds, which ntopng does not have.

A table with ` + "`hooks`" + ` may have functions that are called around the runs: ` + "`setup()`" + ` on loading, where false means that
the check does not run; then ` + "`onLoad(hook, config)` and `onEnable(hook, config)`" + ` for each hook; at the end
` + "`onUnload(hook, config)` and `teardown()`" + `.

| ` + "`network_info`" + ` | |
|---|---|
| ` + "`network_cidr`" + ` | canonical CIDR |
| ` + "`network_key`, `network_id`, `alias`" + ` | as in the fields below |
| ` + "`ifid`, `granularity`, `when`" + ` | interface number, period's name, time of the run in seconds since 1970 |
| ` + "`config`" + ` | the script's ` + "`default_value`" + ` under the settings |

| ` + "`params`" + ` | |
|---|---|
| ` + "`entity_info`" + ` | the fields below in ntopng's shape |
| ` + "`alert_entity`" + ` | the network as the subject of alerts |
| ` + "`cur_alerts`" + ` | the script's engaged alerts of this network and period. After a run without error those that the script neither triggered nor released are released |
| ` + "`check_config`, `check`" + ` | settings, and the script's own table |
| ` + "`granularity`, `when`, `ifid`" + ` | as above |
`

const referenceFields = `
## Fields

The table of ` + "`network.getNetworkStats()`" + `. ` + "`params.entity_info`, `interface.getNetworksStats()` and `interface.getNetworkStats(id)`" + ` have the same
fields with ` + "`ingress`, `egress` and `inner`" + ` as numbers. Counters are since the start of the process and only rise.
`

const referenceAlerts = `
## Filters of alerts

The table that ` + "`network.getAlerts`" + ` takes. Its parts are ANDed; a parameter of a request can be given as it is.

| Field | |
|---|---|
| ` + "`status`" + ` | "engaged", "historical", "acknowledged", "any" or ntopng's number; any when there is none |
| ` + "`alert_type`, `alert_id`" + ` | number, alert type, or list |
| ` + "`alert_severity`, `severity`" + ` | number, one of alert_severities, or list, where names do too |
| ` + "`alert_category`" + ` | number, one of alert_categories, or list |
| ` + "`score`, `tstamp`, `row_id`" + ` | number or list |
| ` + "`network_name`, `subtype`, `script_key`" + ` | list of texts |
| ` + "`epoch_begin`, `epoch_end`" + ` | bounds of ` + "`tstamp`" + `, included; engaged alerts heed only the second |
| ` + "`description`" + ` | words that description or json hold, in any case; ` + "`word*`" + ` asks for a beginning; also ` + "`info`" + ` |
| ` + "`page`, `perPage`" + ` | from 1; at most 10,000 a page |
| ` + "`start`, `length`" + ` | the same as ntopng's REST interface says it: alerts to leave out, and how many to give |
| ` + "`order_by`, `sort`" + ` | tstamp, tstamp_end, score, severity, alert_id, subtype, row_id |
| ` + "`sort_order`, `order`" + ` | asc or desc |

A list is ` + "`value;operator`" + ` with commas between, 64 at most: eq (also when none is given), neq, lt, gt, gte, lte, in, nin. Values with neq
or nin and those of the score must all hold, of the others one of a field. Of a text in and nin ask whether it holds the
value, and lt, gt, gte, lte are refused.

## Alert classes

A file ` + "`alert_definitions/network/NAME.lua`" + ` (or ` + "`other/`" + `) in a script folder, in its ` + "`modules`" + ` or its ` + "`scripts/lua/modules`" + `, is the type
` + "`alert_consts.alert_types.NAME`" + `. It is loaded when a script first names it, and a built-in type of the same name wins:

    local classes = require "classes"
    local alert = require "alert"
    local alert_busy_network = classes.class(alert)
    alert_busy_network.meta = {alert_key = 5001, i18n_title = "Busy network", icon = "fas fa-exclamation"}
    function alert_busy_network:init(bytes, limit)
      self.super:init()
      self.alert_type_params = {bytes = bytes, limit = limit}
    end
    function alert_busy_network.format(ifid, alert, params)
      return i18n("%{bytes} bytes are more than %{limit}", params)
    end
    return alert_busy_network

` + "`meta.alert_key`" + ` is a number from 0 to 65535: take one from 5001 on. ` + "`format`" + ` gives the alert's description. ` + "`i18n(text, params)`" + ` is a
global; it puts the values of ` + "`params`" + ` in place of ` + "`%{name}`" + `.

## Requests

A script below ` + "`rest/`" + ` of a script folder (or of its ` + "`scripts/lua`" + `) answers requests. It has the globals ` + "`_GET`, `_POST`, `_SERVER`, `_SESSION`" + ` (tables
of strings) and no network selected. The answer is what it gives to ` + "`rest_utils`" + `, else what it prints, which may be a whole
HTTP message with status line and headers; ` + "`print`" + ` adds no newline there. It can set Content-Type, Cache-Control,
Content-Disposition, Content-Language, ETag, Expires, Last-Modified, Pragma and Retry-After. A script that fails, or
answers nothing, gives 500 and "Internal error".
`

const referenceModules = `
## Modules for require

Besides these, ` + "`require`" + ` reads the script folders; ` + "`package.path`" + ` may be set and has no effect.

| Module | Content |
|---|---|
`

// moduleDocs says what each built-in module holds.
var moduleDocs = map[string]string{
	"alert":            "The parent of alert classes: `init`, `set_info(params)`, `set_score(n)`, `set_score_notice()` and so on, `set_subtype`, `set_granularity`, `set_category`, `set_victim`, `set_attacker`, `set_origin`, `set_target`, `trigger(entity, when, cur_alerts)`, `release(entity, when, cur_alerts)`, `store(entity)`. See Alert classes.",
	"alert_keys":       "`ntopng` and `user`: both the same as other_alert_keys.",
	"classes":          "`class(parent)`: a class with `new`, which calls `init`, and `super`. See Alert classes.",
	"other_alert_keys": "Numbers of the built-in alert types by their names.",
	"alert_categories": "Categories: other 0, security 1, internals 2, network 3, system 4, ids_ips 5, active_monitoring 6, snmp 7.",
	"alert_consts":     "`alert_types` (classes with `meta.alert_key`), `alert_severities`, `alerts_granularities`, `alert_status`, `alert_entities`, `get_printable_severities()`, `alertSeverityById(id)`, `sec2granularity(seconds)`. `alert_network_anomaly` is 5000; `alert_user_1` to `alert_user_8` (5001 to 5008) are free, and files of alert classes add types by their names.",
	"alert_entities":   "Subjects of alerts with ntopng's numbers; network is 2.",
	"alert_severities": "none 0 to emergency 8, each with `severity_id` and `score`.",
	"alerts_api":       "`networkEntity(cidr)`; `store(alert)` engages and `release(alert)` releases (reference); `store(entity, alert)` records an event, `trigger` and `release(entity, alert, when, cur_alerts)` (ntopng); `network_delta_val(metric, granularity, value)`, 0 on its first run; `checkThresholdAlert(params, alert_type, value, attacker, victim)`.",
	"checks":           "`periodicities`: `min` 0, `[\"5mins\"]` 1 (also `five_mins`), `hour` 2, `day` 3, and netmond's own `[\"5sec\"]` 7 (also `five_sec`). `.5mins` is a syntax error in every Lua. `check_categories`, `field_units`.",
	"dkjson":           "The same as json.",
	"field_units":      "Names of units of thresholds.",
	"format_utils":     "`round(n, digits)`, `bytesToSize`, `bitsToSize`, `pktsToSize`, `formatValue`, `formatPackets`, `secondsToTime`, `formatEpoch`.",
	"json":             "`encode(value)`, `decode(text)`.",
	"rest_utils":       "`answer(const, payload, headers)`, `extended_answer(const, payload, additional, headers)`, `vanilla_payload_response(const, text, type, headers)`, `consts.success.ok`, `consts.err.*`. Also a global.",
}

const referenceDialect = `
## Lua

Lua 5.4 with these differences:

* Every number is a double: integers are exact to 2^53, ` + "`math.type`" + ` calls each integral value an integer, and
  arithmetic takes a numeral in a string with a leading zero for octal.
* There is no io, no ` + "`os`" + ` beyond clock, date, difftime and time, no dofile, loadfile, string.dump, string.pack, ` + "`_ENV`" + `, and of debug
  traceback and getinfo. ` + "`<close>`" + ` and finalizers are not supported.
* ` + "`unpack`, `loadstring`, `table.getn`, `table.maxn`, `math.pow` and `bit32`" + ` of older versions are there.
* Tail calls take stack; calls nest at most 2,000 deep. Metamethods ` + "`__gc`, `__mode`" + ` have no effect.
* A run, a string (16 MiB), print, patterns, nesting, coroutines (256) and source files (1 MiB) have bounds.
* A coroutine cannot yield across pcall, metamethods or iterators, and ends with the run that made it.
* During a check ` + "`os.time` and `os.date`" + ` give the check's time, which is capture time when files are read.
`
