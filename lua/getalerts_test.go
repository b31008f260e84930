package lua

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/netmond/netmond/alerts"
)

// alertFill engages three alerts of network 0 and releases one more; their rows are 1 to 3 and, for the release counts, 5.
const alertFill = `
network.storeTriggeredAlert("a", 1, 100, 1, "axb", "One and two")
network.storeTriggeredAlert("b", 1, 10, 2, "x", "ones")
network.storeTriggeredAlert("c", 2, 150, 3, "", "")
network.storeTriggeredAlert("d", 1, 60, 1, "", "") network.releaseTriggeredAlert("d", 1, 2e9)
function ids(filter)
  local found = network.getAlerts(filter)
  if not found then return nil end
  local keys = {}
  for _, a in ipairs(found) do keys[#keys + 1] = a.key end
  table.sort(keys)
  return table.concat(keys)
end
`

// alertConformance is conformance for getAlerts.
var alertConformance = []conformanceCase{
	// getAlerts
	{`#network.getAlerts(), #network.getAlerts(nil), #network.getAlerts("x"), #network.getAlerts(0), #network.getAlerts(5)`, "0 0 0 0 0", 0},
	{`network.getAlerts(6)`, "nil", 1},
	{`network.getAlerts(-1)`, "nil", 1},
	{`N:network.getAlerts()`, "nil", 1},
	{`N:network.getAlerts({})`, "nil", 1},
	{`S:#network.getAlerts(), #network.getAlerts(1), #network.getAlerts(2), #network.getAlerts(3)`, "3 2 1 0", 0},
	{`S:#network.getAlerts({}), #network.getAlerts({status = "engaged"}), #network.getAlerts({status = "historical"}), #network.getAlerts({status = "any"}), #network.getAlerts({status = 2}), #network.getAlerts({status = "acknowledged"})`, "4 3 1 4 3 0", 0},
	{`S:#network.getAlerts({alert_type = 1}), #network.getAlerts({alert_type = {alert_key = 2}}), #network.getAlerts({alert_severity = 5}), #network.getAlerts({alert_severity = alert_consts.alert_severities.notice})`, "2 1 2 1", 0},
	{`S:network.getAlerts({order_by = "score"})[1].score, network.getAlerts({order_by = "score", sort_order = "desc"})[1].score`, "10 150", 0},
	{`S:#network.getAlerts({perPage = 3}), #network.getAlerts({perPage = 3, page = 2}), #network.getAlerts({perPage = 3, page = 3}), #network.getAlerts({perPage = 1e9, page = 1e9})`, "3 1 0 0", 0},
	{`S:network.getAlerts({page = 0})`, "nil", 1},
	{`S:network.getAlerts({perPage = "many"})`, "nil", 1},
	{`S:network.getAlerts({status = "open"})`, "nil", 1},
	{`S:network.getAlerts({alert_type = {}})`, "nil", 1},
	{`S:network.getAlerts({alert_severity = {}})`, "nil", 1},
	{`S:network.getAlerts({status = 9})`, "nil", 1},
	{`S:network.getAlerts({order_by = "colour"})`, "nil", 1},
	{`S:network.getAlerts({order_by = "row_id"})[1].row_id, network.getAlerts({sort = "tstamp_end", order = "desc"})[1].tstamp_end, network.getAlerts({sort = "row_id", order = "desc"})[1].key`, "1 2000000000 d", 0},

	// ntopng's REST names and its lists of value;operator
	{`S:ids{alert_id = "1"}, ids{alert_id = "1;eq,2;eq"}, ids{alert_type = "1;neq"}, ids{alert_type = "1;neq,2;neq"}, ids{alert_id = "2;gte"}, ids{alert_id = "2;lt"}, ids{alert_id = "3;nin"}, ids{alert_id = "3;in"}`, "ad abd bc c bc ad abd c", 0},
	{`S:ids{score = "50;gt"}, ids{score = "50;gt,100;lt"}, ids{score = "10;lte"}, ids{score = 150}, ids{score = "10,150"}`, "acd d b c ", 0},
	{`S:ids{severity = "error"}, ids{severity = "error;gt"}, ids{alert_severity = "4;lte"}, ids{severity = "notice,warning"}, ids{severity = alert_consts.alert_severities.warning}`, "ac  bd bd d", 0},
	{`S:ids{row_id = 2}, ids{row_id = "1,5"}, ids{row_id = "2;gt"}`, "b ad cd", 0},
	{`S:ids{tstamp = "1700000040"}, ids{tstamp = "1700000040;gt"}, ids{tstamp = 5}`, "abcd  ", 0},
	{`S:ids{epoch_begin = 1700000041}, ids{epoch_begin = 1700000040}, ids{epoch_end = 1700000039}, ids{epoch_end = "1700000040"}`, "abc abcd  abcd", 0},
	{`S:ids{alert_category = 0}, ids{alert_category = "1;eq"}, ids{alert_category = require("alert_categories").security}`, "abcd  ", 0},
	{`S:ids{network_name = "192.0.2.0/24"}, ids{network_name = "192;in"}, ids{network_name = "192;nin"}, ids{subtype = "X"}, ids{subtype = "X;in"}, ids{script_key = "test"}, ids{script_key = "test;neq"}`, "abcd abcd   ab abcd ", 0},
	{`S:ids{description = "one"}, ids{description = "one*"}, ids{description = "ONE two"}, ids{description = "one three"}, ids{description = ""}, ids{info = "one"}`, "a ab a  abcd a", 0},
	{`S:ids{start = 0, length = 2, sort = "row_id"}, ids{start = 1, length = 2, sort = "row_id"}, ids{start = 2, length = 2, sort = "row_id"}, ids{start = 3, length = 2, sort = "row_id"}, ids{start = 4, length = 2}, ids{start = 1, sort = "row_id"}, ids{start = "1", length = "1", sort = "row_id"}`, "ab bc cd d  bcd b", 0},
	{`S:ids{status = "engaged", alert_id = "1,2", score = "50;gt"}`, "a", 0},
	{`S:#interface.getAlerts(), #interface.getAlerts(1), #interface.getAlerts({}), #interface.getAlerts({alert_type = 1}), interface.getAlerts({status = 9})`, "3 2 4 2 nil", 1},
	{`N:network.select(1), network.storeTriggeredAlert("z", 1, 100, 1, "", "").key, network.select(0), #network.getAlerts(), #interface.getAlerts(), interface.getAlerts({order_by = "row_id"})[1].entity_val`, "nil z nil 0 1 198.51.100.1/24", 0},
	{`S:#interface.getEngagedAlerts(), #interface.getEngagedAlerts(2), #interface.getEngagedAlerts(0), #interface.getEngagedAlerts(2, "office"), #interface.getEngagedAlerts(2, "six"), #interface.getEngagedAlerts(2, "nowhere")`, "3 3 0 3 0 0", 0},
	{`S:#interface.getEngagedAlerts(2, "192.0.2.0/24", 1), #interface.getEngagedAlerts(nil, nil, nil, 5), #interface.getEngagedAlerts(2, nil, 1, 3)`, "1 2 0", 0},
	{`interface.getEngagedAlerts(true), interface.getEngagedAlerts(2, 5), interface.getEngagedAlerts(2, nil, {}), interface.getEngagedAlerts(2, nil, 1, {})`, "nil nil nil nil", 4},
	{`_now, alert_consts.alert_granularities.hour.granularity_id, alert_consts.alerts_granularities["5mins"].granularity_seconds`, "1700000040 3 300", 0},
	{`S:ids{score = "50;over"}`, "nil", 1},
	{`S:ids{score = "x"}`, "nil", 1},
	{`S:ids{score = ""}`, "nil", 1},
	{`S:ids{score = {}}`, "nil", 1},
	{`S:ids{score = 1/0}`, "nil", 1},
	{`S:ids{subtype = 5}`, "nil", 1},
	{`S:ids{subtype = "a;gt"}`, "nil", 1},
	{`S:ids{severity = "loud"}`, "nil", 1},
	{`S:ids{alert_category = {}}`, "nil", 1},
	{`S:ids{epoch_begin = "now"}`, "nil", 1},
	{`S:ids{epoch_end = 0/0}`, "nil", 1},
	{`S:ids{description = {}}`, "nil", 1},
	{`S:ids{description = ("x"):rep(4097)}`, "nil", 1},
	{`S:ids{subtype = ("x"):rep(4097)}`, "nil", 1},
	{`S:ids{start = -1}`, "nil", 1},
	{`S:ids{length = 0}`, "nil", 1},
	{`S:ids{row_id = ("1,"):rep(64) .. "1"}`, "nil", 1},
}

// Each number as periodicity, in each function that takes one: 0 to 5 are ntopng's, 7 is five seconds,
// and the others are refused and counted.
func TestPeriodicityNumbers(t *testing.T) {
	calls := []struct{ call, good string }{
		{`network.getCachedAlertValue("k", %s)`, ""},
		{`network.setCachedAlertValue("k", "v", %s)`, "nil"},
		{`network.getAlerts(%s)`, "table"},
		{`network.storeTriggeredAlert("k", %s, 100, 1, "", "")`, "table"},
		{`network.releaseTriggeredAlert("other", %s, 0)`, "nil"},
		{`network.storeTriggeredAlert({alert_type = 2, periodicity = %s})`, "nil"},
		{`network.releaseTriggeredAlert({alert_type = 3, periodicity = %s})`, "nil"},
	}
	for _, number := range []string{"-1", "0", "1", "2", "3", "4", "5", "6", "7", "8", "1e300", "-1e300", "1/0", "0/0"} {
		accepted := len(number) == 1 && number != "6" && number != "8"
		for _, c := range calls {
			call := fmt.Sprintf(c.call, number)
			check, err := NewCheck(context.Background(), "test.lua", "local x = "+call+" print(type(x) == 'table' and 'table' or x)", Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := check.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
			if err != nil {
				t.Fatal(err)
			}
			want, counted := c.good, uint64(0)
			if !accepted {
				want, counted = "nil", 1
			}
			if got := strings.TrimSuffix(r.Output, "\n"); got != want || check.Stats().ArgumentErrors != counted {
				t.Errorf("%s = %q, %d counted; want %q, %d", call, got, check.Stats().ArgumentErrors, want, counted)
			}
			check.Close()
		}
	}
}

// The namespaces of cached values, and the engaged alerts, of different periodicities are apart.
func TestNamespacesAreApart(t *testing.T) {
	r, err := runSource(t, `
local alert = {alert_type = 9}
for p = 0, 7 do if p ~= 6 then
  network.setCachedAlertValue("k", "v" .. p, p)
  network.storeTriggeredAlert("k", p, 1, 1, "", "")
end end
local out = {}
for p = 0, 7 do if p ~= 6 then out[#out + 1] = network.getCachedAlertValue("k", p) .. #network.getAlerts(p) end end
print(table.concat(out, " "), #network.getAlerts())`, Options{})
	if want := "v01 v11 v21 v31 v41 v51 v71\t7\n"; err != nil || r.Output != want {
		t.Errorf("output %q, %v; want %q", r.Output, err, want)
	}
}

// A hook of five seconds has its own alerts, cached values and deltas, in both styles.
func TestFiveSeconds(t *testing.T) {
	sink := alerts.NewMem(alerts.DefaultConfig())
	c, err := NewCheck(context.Background(), "fast.lua", `
local alerts_api, alert_consts, checks = require "alerts_api", require "alert_consts", require "checks"
local function run(params)
  local p = checks.periodicities[params.granularity]
  local a = alert_consts.alert_types.alert_user_1.new()
  a:set_info(params)
  print(params.granularity, p, alerts_api.network_delta_val("m", params.granularity, params.entity_info.ingress), network.getCachedAlertValue("k", p),
    a:trigger(params.alert_entity, nil, params.cur_alerts), alert_consts.alerts_granularities[params.granularity].granularity_seconds)
  network.setCachedAlertValue("k", params.granularity, p)
end
return {hooks = {["5sec"] = run, hour = run}}`, Options{Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got strings.Builder
	for i, p := range []alerts.Periodicity{alerts.FiveSeconds, alerts.Hour, alerts.FiveSeconds} {
		if !c.Runs(p) || c.Runs(alerts.Minute) || c.Runs(5) || c.Runs(6) || c.Runs(alerts.NumPeriodicities) {
			t.Errorf("Runs(%v) = %v", p, c.Runs(p))
		}
		snap := testSnapshot()
		snap.Networks[0].Traffic[0].Bytes += uint64(i) * 10
		r, err := c.RunNetwork(context.Background(), snap, 0, testNow, p)
		if err != nil || len(r.Warnings) > 0 {
			t.Fatalf("%v, warnings %q", err, r.Warnings)
		}
		got.WriteString(r.Output)
	}
	if want := "5sec\t7\t0\t\ttrue\t5\nhour\t2\t0\t\ttrue\t3600\n5sec\t7\t20\t5sec\ttrue\t5\n"; got.String() != want {
		t.Errorf("output\n%swant\n%s", got.String(), want)
	}
	if n := sink.AlertView("192.0.2.0/24").Engaged; n != 2 {
		t.Errorf("%d engaged, want 2", n)
	}
	ref, err := NewCheck(context.Background(), "ref.lua", `return {granularity = "5sec", check = function(i) print(i.granularity) end}`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close()
	if r, err := ref.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.FiveSeconds); err != nil || r.Output != "5sec\n" {
		t.Errorf("reference style: %q, %v", r.Output, err)
	}
}
