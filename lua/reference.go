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
or ` + "`all`" + ` with ` + "`params`" + `. A script that returns nothing runs as a whole each minute, with ` + "`network_info`" + ` as a global.
Before each run the network is selected.

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

const referenceModules = `
## Modules for require

Besides these, ` + "`require`" + ` reads the script folders; ` + "`package.path`" + ` may be set and has no effect.

| Module | Content |
|---|---|
`

// moduleDocs says what each built-in module holds.
var moduleDocs = map[string]string{
	"alert_categories": "Categories: other 0, security 1, internals 2, network 3, system 4, ids_ips 5, active_monitoring 6, snmp 7.",
	"alert_consts":     "`alert_types` (classes with `meta.alert_key`), `alert_severities`, `alerts_granularities`, `alert_status`, `alert_entities`, `get_printable_severities()`, `alertSeverityById(id)`, `sec2granularity(seconds)`. `alert_network_anomaly` is 5000; `alert_user_1` to `alert_user_8` are free.",
	"alert_entities":   "Subjects of alerts with ntopng's numbers; network is 2.",
	"alert_severities": "none 0 to emergency 8, each with `severity_id` and `score`.",
	"alerts_api":       "`networkEntity(cidr)`; `store(alert)` engages and `release(alert)` releases (reference); `store(entity, alert)` records an event, `trigger` and `release(entity, alert, when, cur_alerts)` (ntopng); `network_delta_val(metric, granularity, value)`, 0 on its first run; `checkThresholdAlert(params, alert_type, value, attacker, victim)`.",
	"checks":           "`periodicities`: `min` 0, `[\"5mins\"]` 1 (also `five_mins`), `hour` 2, `day` 3. `.5mins` is a syntax error in every Lua. `check_categories`, `field_units`.",
	"dkjson":           "The same as json.",
	"field_units":      "Names of units of thresholds.",
	"format_utils":     "`round(n, digits)`, `bytesToSize`, `bitsToSize`, `pktsToSize`, `formatValue`, `formatPackets`, `secondsToTime`, `formatEpoch`.",
	"json":             "`encode(value)`, `decode(text)`.",
	"rest_utils":       "`answer(const, payload)`, `extended_answer`, `vanilla_payload_response`, `consts.success.ok`, `consts.err.*`. Also a global.",
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
