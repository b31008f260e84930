package lua

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var moduleCases = []struct{ expr, want string }{
	{`checks.periodicities.min, checks.periodicities["5mins"], checks.periodicities.five_mins, checks.periodicities.hour, checks.periodicities.day`, "0 1 1 2 3"},
	{`checks.check_categories.security.id, checks.field_units.bytes`, "1 bytes"},
	{`alert_consts.alert_severities.error.severity_id, alert_consts.get_printable_severities().warning.severity_id, alert_consts.alert_severities == require("alert_severities")`, "5 4 true"},
	{`alert_consts.alert_types.alert_flow_flood_victim.meta.alert_key, alert_consts.alert_types.alert_network_issues.meta.alert_key, alert_consts.alert_types.alert_threshold_cross.meta.alert_key`, "4153 4179 4136"},
	{`alert_consts.alert_types.alert_tcp_syn_scan_victim.meta.alert_key, alert_consts.alert_types.alert_tcp_syn_flood_victim.meta.alert_key, alert_consts.alert_types.alert_network_anomaly.meta.alert_key`, "4157 4155 5000"},
	{`alert_consts.alerts_granularities["5mins"].granularity_id, alert_consts.alerts_granularities.hour.granularity_seconds, alert_consts.sec2granularity(300), alert_consts.sec2granularity(7)`, "2 3600 5mins nil"},
	{`alert_consts.alertSeverityById(4).label, alert_consts.alertSeverityById(99), alert_consts.alert_status.engaged.alert_status_id`, "warning nil 2"},
	{`require("alert_entities").network.entity_id, require("alert_categories").network.id, require("field_units").syn_min`, "2 3 syn_min"},
	{`alerts_api.networkEntity("six").entity_val, alerts_api.networkAlertEntity("six").alert_entity.entity_id, alerts_api.networkEntity(5)`, "six 2 nil"},

	{`alerts_api.network_delta_val("m", "min", 10), alerts_api.network_delta_val("m", "min", 25), alerts_api.network_delta_val("m", "hour", 25), alerts_api.network_delta_val("m", "min", 5), alerts_api.network_delta_val("m", "min", 6)`, "0 15 0 0 1"},
	{`alerts_api.network_delta_val("t", "min", network.getNetworkStats().ingress), alerts_api.network_delta_val("t", "min", 2^53)`, "0 9007199254739992"},
	{`alerts_api.network_delta_val("m", "week", 1), alerts_api.network_delta_val(1, "min", 1), alerts_api.network_delta_val("m", "min", "x")`, "nil nil nil"},
	{`alerts_api.store({alert_type = 1}), alerts_api.store({alert_type = 1}), #network.getAlerts(), alerts_api.release({alert_type = 1}), alerts_api.release({alert_type = 1}), #network.getAlerts()`, "true false 1 true false 0"},
	{`alerts_api.store(5), alerts_api.release(), alerts_api.store({})`, "nil nil nil"},
	{`alerts_api.store(alerts_api.networkEntity("six"), alert_consts.alert_types.alert_user_1.new({a = 1})), #network.getAlerts({status = "any"}), network.select(2), network.getAlerts({status = "any"})[1].json`, `true 0 nil {"a":1}`},
	{`alerts_api.trigger(alerts_api.networkEntity("office"), alert_consts.alert_types.alert_user_1:new(1, 2)), network.getAlerts()[1].json, alerts_api.release(alerts_api.networkEntity("office"), alert_consts.alert_types.alert_user_1:new(1, 2)), #network.getAlerts()`, `true {"metric":1,"value":2} true 0`},
	{`alerts_api.checkThresholdAlert({}, alert_consts.alert_types.alert_user_1, 5), alerts_api.checkThresholdAlert(1), alerts_api.checkThresholdAlert({check = {key = "k"}, check_config = {}}, alert_consts.alert_types.alert_user_1, 5)`, "nil nil nil"},
	{`alerts_api.checkThresholdAlert({check = {key = "k", severity = alert_consts.alert_severities.critical}, check_config = {threshold = 3, operator = "lt"}, granularity = "hour"}, alert_consts.alert_types.alert_user_1, 2), network.getAlerts()[1].key, network.getAlerts()[1].score, network.getAlerts()[1].granularity`, "true 5001@k 200 3600"},

	{`format_utils.round(1.2345, 2), format_utils.round(2.5), format_utils.round(-1.25, 1), format_utils.round(1234, -2)`, "1.23 3 -1.2 1200"},
	{`format_utils.bytesToSize(512), format_utils.bytesToSize(1536), format_utils.bitsToSize(1.5e6), format_utils.pktsToSize(10)`, "512 Bytes 1.50 KB 1.50 Mbps 10 pps"},
	{`format_utils.formatValue(1234567), format_utils.formatValue(-12), format_utils.formatPackets(1000), format_utils.formatValue(0/0)`, "1,234,567 -12 1,000 Pkts nan"},
	{`format_utils.secondsToTime(5), format_utils.secondsToTime(125), format_utils.secondsToTime(3661), format_utils.secondsToTime(90061), format_utils.secondsToTime(-1)`, "5 sec 02:05 01:01:01 1 day, 01:01:01 -1 sec"},
	{`format_utils.formatEpoch(0), format_utils.formatEpoch()`, "01/01/1970 00:00:00 14/11/2023 22:14:00"},

	{`json.encode({1, "a", true, {x = 1.5}}), json.encode({}), json.encode("é<\"\\\n\1"), json.encode(1/0), json.encode(nil)`, `[1,"a",true,{"x":1.5}] [] "é\u003c\"\\\n\u0001" null null`},
	{`json.encode({[1] = 1, [3] = 3}), json.encode({[true] = 1})`, `{"1":1,"3":3} nil a boolean cannot be a key`},
	{`json.encode("\255") == '"\u{FFFD}"', select("#", json.encode(print)), #json.encode(network.getNetworkStats()) > 1000`, "true 2 true"},
	{`json.decode('{"a": [1, 2.5, "x", null, true], "b": {}}').a[2], json.decode("[1, 2]")[2], json.decode('"\\u00e9"'), json.decode("5"), json.decode("null")`, "2.5 2 é 5 nil 5"},
	{`json.decode("[1")`, "nil 3 no valid JSON value"},
	{`(json.decode("{]"))`, "nil"},
	{`select(2, json.decode("  7 rest"))`, "4"},

	{`rest_utils == require("rest_utils"), rest_utils.consts.err.not_found.http_code, rest_utils.consts.success.ok.rc, rest_utils.answer(5)`, "true 404 0 nil"},
}

func TestModules(t *testing.T) {
	for _, c := range moduleCases {
		t.Run(c.expr, func(t *testing.T) {
			r, err := runSource(t, `
local checks, alert_consts, alerts_api = require("checks"), require("alert_consts"), require("alerts_api")
local format_utils, json = require("format_utils"), require("json")
local out = table.pack(`+c.expr+`)
for i = 1, out.n do out[i] = tostring(out[i]) end
print(table.concat(out, " "))`, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(r.Output, "\n"); got != c.want {
				t.Errorf("got  %q\nwant %q (warnings %q)", got, c.want, r.Warnings)
			}
		})
	}
}

func TestRestAnswers(t *testing.T) {
	for _, c := range []struct {
		src  string
		want Answer
	}{
		{`rest_utils.answer(rest_utils.consts.success.ok, {a = 1})`, Answer{Status: 200, ContentType: "application/json", Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":{"a":1}}`}},
		{`rest_utils.answer(rest_utils.consts.err.invalid_args)`, Answer{Status: 400, ContentType: "application/json", Body: `{"rc":-5,"rc_str":"INVALID_ARGS","rc_str_hr":"Invalid arguments","rsp":[]}`}},
		{`rest_utils.extended_answer(rest_utils.consts.success.ok, {1}, {total = 7})`, Answer{Status: 200, ContentType: "application/json", Body: `{"rc":0,"rc_str":"OK","rc_str_hr":"OK","rsp":[1],"total":7}`}},
		{`rest_utils.vanilla_payload_response(rest_utils.consts.success.ok, "a|b", "text/csv")`, Answer{Status: 200, ContentType: "text/csv", Body: "a|b"}},
	} {
		r, err := runSource(t, c.src, Options{})
		if err != nil || r.Answer == nil || !cmp.Equal(*r.Answer, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.src, r.Answer, err, c.want)
		}
	}
	for _, src := range []string{`rest_utils.vanilla_payload_response(rest_utils.consts.success.ok, "x", "a\r\nX: y")`, `rest_utils.answer({})`} {
		if r, err := runSource(t, src, Options{}); err != nil || r.Answer != nil || len(r.Warnings) != 1 {
			t.Errorf("%s: answer %+v, %v, warnings %q; want none and one warning", src, r.Answer, err, r.Warnings)
		}
	}
}
