package lua

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/netmond/netmond/alerts"
)

// conformance is the API's behaviour as data: a call, what it gives, and how many wrong uses are
// counted. Unless the case says otherwise network 0 is selected.
type conformanceCase struct {
	call    string // "N:" before it deselects first; "S:" fills in alerts
	want    string
	counted uint64
}

var conformance = []conformanceCase{
	// select: nil always; what it selects shows in getNetworkStats.
	{`network.select(1), network.getNetworkStats().network_id`, "nil 1", 0},
	{`network.select(nil), network.getNetworkStats()`, "nil nil", 0},
	{`network.select(), network.getNetworkStats().network_id`, "nil 0", 1},
	{`network.select("1"), network.getNetworkStats().network_id`, "nil 0", 1},
	{`network.select({}), network.getNetworkStats().network_id`, "nil 0", 1},
	{`network.select(true), network.getNetworkStats().network_id`, "nil 0", 1},
	{`network.select(3), network.getNetworkStats()`, "nil nil", 0},
	{`network.select(-1), network.getNetworkStats()`, "nil nil", 0},
	{`network.select(65536), network.getNetworkStats()`, "nil nil", 0},
	{`network.select(1e300), network.getNetworkStats()`, "nil nil", 0},
	{`network.select(0/0), network.getNetworkStats()`, "nil nil", 0},
	{`N:network.select(2), network.getNetworkStats().network_key`, "nil 2001:db8::/32", 0},

	// checkContext: canonical, as typed, alias, address; else false and the selection stays.
	{`network.checkContext("198.51.100.0/24"), network.getNetworkStats().network_id`, "true 1", 0},
	{`network.checkContext("198.51.100.1/24"), network.getNetworkStats().network_id`, "true 1", 0},
	{`network.checkContext("198.51.100.77/24"), network.getNetworkStats().network_id`, "true 1", 0},
	{`network.checkContext("six"), network.getNetworkStats().network_id`, "true 2", 0},
	{`network.checkContext("2001:DB8:0::/32"), network.getNetworkStats().network_id`, "true 2", 0},
	{`network.checkContext("2001:db8::5"), network.getNetworkStats().network_id`, "true 2", 0},
	{`network.checkContext("198.51.100.9"), network.getNetworkStats().network_id`, "true 1", 0},
	{`network.checkContext("198.51.100.0/25"), network.getNetworkStats().network_id`, "false 0", 0},
	{`network.checkContext("203.0.113.1"), network.getNetworkStats().network_id`, "false 0", 0},
	{`network.checkContext(""), network.getNetworkStats().network_id`, "false 0", 0},
	{`network.checkContext("x"), network.getNetworkStats().network_id`, "false 0", 0},
	{`network.checkContext(10), network.getNetworkStats().network_id`, "nil 0", 1},
	{`network.checkContext(nil)`, "nil", 1},
	{`network.checkContext()`, "nil", 1},
	{`network.checkContext({})`, "nil", 1},
	{`N:network.checkContext("office"), network.getNetworkStats().network_id`, "true 0", 0},
	{`N:network.checkContext("nowhere"), network.getNetworkStats()`, "false nil", 0},

	// getNetworkStats
	{`type(network.getNetworkStats()), type(network.getNetworkStats(1, "extra"))`, "table table", 0},
	{`network.getNetworkStats() == network.getNetworkStats()`, "false", 0},
	{`N:network.getNetworkStats()`, "nil", 0},
	{`N:network.checkContext("six"), network.getNetworkStats().network_id`, "true 2", 0},
	{`N:network.checkContext("x"), network.getNetworkStats()`, "false nil", 0},
	{`network.resetTrafficBetweenNets({}, "extra")`, "nil", 0},

	// resetTrafficBetweenNets
	{`network.resetTrafficBetweenNets(), network.getNetworkStats().intranet_traffic["198.51.100.1/24"].bytes_sent`, "nil 0", 0},
	{`network.getNetworkStats().intranet_traffic["198.51.100.1/24"].bytes_sent, network.getNetworkStats().intranet_traffic["198.51.100.1/24"].bytes_rcvd`, "100 40", 0},
	{`N:network.resetTrafficBetweenNets()`, "nil", 1},

	// cached values
	{`network.setCachedAlertValue("k", "v", 0), network.getCachedAlertValue("k", 0), network.getCachedAlertValue("k", 1)`, "nil v ", 0},
	{`network.setCachedAlertValue("k", "v", 5), network.getCachedAlertValue("k", 5)`, "nil v", 0},
	{`network.setCachedAlertValue("", "", 0), network.getCachedAlertValue("", 0)`, "nil ", 0},
	{`network.setCachedAlertValue("k\0", "v\0\255", 0), #network.getCachedAlertValue("k\0", 0), #network.getCachedAlertValue("k", 0)`, "nil 3 0", 0},
	{`network.getCachedAlertValue("unset", 0) == ""`, "true", 0},
	{`network.getCachedAlertValue("k", 6)`, "nil", 1},
	{`network.getCachedAlertValue("k", -1)`, "nil", 1},
	{`network.getCachedAlertValue("k", 0/0)`, "nil", 1},
	{`network.getCachedAlertValue("k", "0")`, "nil", 1},
	{`network.getCachedAlertValue("k", nil)`, "nil", 1},
	{`network.getCachedAlertValue("k")`, "nil", 1},
	{`network.getCachedAlertValue(1, 0)`, "nil", 1},
	{`network.getCachedAlertValue(nil, 0)`, "nil", 1},
	{`network.getCachedAlertValue({}, 0)`, "nil", 1},
	{`network.getCachedAlertValue()`, "nil", 1},
	{`N:network.getCachedAlertValue("k", 0)`, "nil", 1},
	{`tonumber(network.getCachedAlertValue("k", 9))`, "nil", 1},
	{`network.setCachedAlertValue("k", 5, 0), network.getCachedAlertValue("k", 0)`, "nil ", 1},
	{`network.setCachedAlertValue("k", nil, 0)`, "nil", 1},
	{`network.setCachedAlertValue(1, "v", 0)`, "nil", 1},
	{`network.setCachedAlertValue("k", "v", 6)`, "nil", 1},
	{`network.setCachedAlertValue("k", "v", -1)`, "nil", 1},
	{`network.setCachedAlertValue("k", "v")`, "nil", 1},
	{`N:network.setCachedAlertValue("k", "v", 0)`, "nil", 1},

	// storeTriggeredAlert, ntopng's form: a table when newly engaged, else nil.
	{`network.storeTriggeredAlert("4136@x", 1, 100, 4136, "x", "{}").alert_id, network.storeTriggeredAlert("4136@x", 1, 50, 4136, "x", "{}")`, "4136 nil", 0},
	{`network.storeTriggeredAlert("k", 1, 100, 1, "", "").key, network.storeTriggeredAlert("k", 2, 100, 1, "", "").granularity`, "k 300", 0},
	{`network.storeTriggeredAlert("k", 1, 100, 1, "s", "j", "192.0.2.1", "n", 53).ip, network.getAlerts()[1].port, network.getAlerts()[1].json`, "192.0.2.1 53 j", 0},
	{`network.storeTriggeredAlert("k", 1, 1e300, 1, "", "").score, network.storeTriggeredAlert("l", 1, -5, 1, "", "").severity`, "250 0", 0},
	{`network.storeTriggeredAlert("k", 6, 100, 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", -1, 100, 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 5, 100, 1, "", "").granularity`, "0", 0},
	{`network.storeTriggeredAlert("k", "1", 100, 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 1, "100", 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 1, 0/0, 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 1, 100, nil, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 1, 100, 1, 1, "")`, "nil", 1},
	{`network.storeTriggeredAlert("k", 1, 100, 1, "")`, "nil", 1},
	{`network.storeTriggeredAlert(5, 1, 100, 1, "", "")`, "nil", 1},
	{`network.storeTriggeredAlert()`, "nil", 1},
	{`N:network.storeTriggeredAlert("k", 1, 100, 1, "", "")`, "nil", 1},
	// ... the reference's form: nil; what it did shows in getAlerts.
	{`network.storeTriggeredAlert({alert_type = 5001, alert_score = 77}), network.getAlerts()[1].key, network.getAlerts()[1].score`, "nil 5001@ 77", 0},
	{`network.storeTriggeredAlert({alert_type = alert_consts.alert_types.alert_user_1, alert_severity = alert_consts.alert_severities.error, subtype = "s"}), network.getAlerts()[1].key, network.getAlerts()[1].score`, "nil 5001@s 100", 0},
	{`network.storeTriggeredAlert({alert_type = {alert_key = 7}, alert_severity = 4, periodicity = "hour", json = {a = 1}}), network.getAlerts()[1].granularity, network.getAlerts()[1].json`, `nil 3600 {"a":1}`, 0},
	{`network.storeTriggeredAlert({alert_type = 1, key = "mine", tstamp = 5}), network.getAlerts()[1].key, network.getAlerts()[1].tstamp`, "nil mine 5", 0},
	{`network.storeTriggeredAlert({alert_type = 1}), network.storeTriggeredAlert({alert_type = 1}), #network.getAlerts()`, "nil nil 1", 0},
	{`network.storeTriggeredAlert({}), #network.getAlerts()`, "nil 0", 1},
	{`network.storeTriggeredAlert({alert_type = "x"})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, alert_severity = 99})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, alert_score = "many"})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, periodicity = "week"})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, subtype = {}})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, json = {print}})`, "nil", 1},
	{`network.storeTriggeredAlert(true)`, "nil", 1},
	{`network.storeTriggeredAlert(nil)`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, alert_category = {}})`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1, alert_category = 3}), network.getAlerts()[1].alert_category, network.getAlerts()[1].row_id, network.getAlerts()[1].alert_status`, "nil 3 1 2", 0},
	{`N:network.storeTriggeredAlert({alert_type = 1})`, "nil", 1},
	{`N:network.storeTriggeredAlert({alert_type = 1, alert_entity = alerts_api.networkEntity("six")}), network.select(2), #network.getAlerts()`, "nil nil 1", 0},

	// releaseTriggeredAlert
	{`network.storeTriggeredAlert("k", 1, 100, 1, "", "").key, network.releaseTriggeredAlert("k", 1, 2e9).tstamp_end, network.releaseTriggeredAlert("k", 1, 2e9), #network.getAlerts()`, "k 2000000000 nil 0", 0},
	{`network.storeTriggeredAlert("k", 1, 100, 1, "", "").key, network.releaseTriggeredAlert("k", 2, 0), #network.getAlerts()`, "k nil 1", 0},
	{`network.releaseTriggeredAlert("k", 6, 0)`, "nil", 1},
	{`network.releaseTriggeredAlert("k", -1, 0)`, "nil", 1},
	{`network.releaseTriggeredAlert("k", 1)`, "nil", 1},
	{`network.releaseTriggeredAlert("k", 1, "now")`, "nil", 1},
	{`network.releaseTriggeredAlert(1, 1, 0)`, "nil", 1},
	{`network.releaseTriggeredAlert()`, "nil", 1},
	{`N:network.releaseTriggeredAlert("k", 1, 0)`, "nil", 1},
	{`network.storeTriggeredAlert({alert_type = 1}), network.releaseTriggeredAlert({alert_type = 1}), #network.getAlerts()`, "nil nil 0", 0},
	{`network.releaseTriggeredAlert({alert_type = 1})`, "nil", 0},
	{`network.releaseTriggeredAlert({})`, "nil", 1},
	{`network.releaseTriggeredAlert(nil)`, "nil", 1},
	{`network.releaseTriggeredAlert(true)`, "nil", 1},
	{`network.releaseTriggeredAlert("k", "1", 0)`, "nil", 1},
	{`network.releaseTriggeredAlert("k", 1, 0/0)`, "nil", 1},
	{`network.releaseTriggeredAlert({alert_type = 1, periodicity = 6})`, "nil", 1},
	{`N:network.releaseTriggeredAlert({alert_type = 1})`, "nil", 1},

	// interface and ntop
	{`interface.getFirstInterfaceId(), interface.getId(), interface.getName(), interface.getIfNames()["7"]`, "7 7 test0 test0", 0},
	{`interface.select("nil"), interface.select(7), interface.select("test0"), network.getNetworkStats().network_id`, "nil nil nil 0", 0},
	{`interface.select(), interface.select({})`, "nil nil", 2},
	{`interface.getNetworkStats(1)["198.51.100.1/24"].network_id, interface.getNetworkStats(9), interface.getNetworkStats(-1)`, "1 nil nil", 0},
	{`interface.getNetworkStats("1")`, "nil", 1},
	{`interface.getNetworksStats()["192.0.2.0/24"].ingress, interface.getNetworksStats()[0].ingress, interface.getNetworksStats()[3]`, "1000 1000 nil", 0},
	{`interface.isValidIfId("7"), interface.isValidIfId(8), interface.isPacketInterface()`, "true false true", 0},
	{`ntop.getLocalNetworkId("192.0.2.0/24"), ntop.getLocalNetworkID("office"), ntop.getLocalNetworkID("x"), ntop.getNetworkIdByName("x"), ntop.getNetworkIdByName("six")`, "0 0 65535 -1 2", 0},
	{`ntop.getLocalNetworkId(5)`, "nil", 1},
	{`ntop.getNetworkNameById(1), ntop.getNetworkNameById(9), ntop.getNetworks()["2001:db8::/32"]`, "198.51.100.1/24  2", 0},
	{`ntop.getLocalNetworkAlias("192.0.2.0/24"), ntop.getLocalNetworkAlias(2), ntop.getLocalNetworkAlias(1), ntop.getLocalNetworkAlias("x")`, "office six nil nil", 0},
	{`ntop.getAddressNetwork("192.0.2.200"), ntop.getAddressNetwork("2001:db8::1"), ntop.getAddressNetwork("203.0.113.1"), ntop.getAddressNetwork("x")`, "0 2 65535 65535", 0},
	{`ntop.isLocalAddress("::ffff:192.0.2.1"), ntop.isLocalAddress("203.0.113.1"), ntop.isLocalAddress(1)`, "true false nil", 1},
	{`ntop.getDirs().installdir, ntop.isPro(), ntop.md5("a")`, "/opt/x false 0cc175b9c0f1b6a831c399e269772661", 0},
	{`ntop.getCache("k"), ntop.setCache("k", "v"), ntop.getPref("k"), ntop.delCache("k"), ntop.getCache("k")`, " nil v nil ", 0},
	{`ntop.mapScoreToSeverity(100), ntop.mapSeverityToScore(5), ntop.mapSeverityToScore(99)`, "5 100 nil", 1},
	{`ntop.isDeadlineApproaching(), ntop.getDeadline() - ntop.gettimemsec() < 3`, "false true", 0},
	{`ntop.getInfo().product, ntop.getInfo().version, ntop.getInfo().constants.max_num_host_pools, next(ntop.getPrefs()), next(ntop.getFlowRiskAlerts())`, "netmond 1.2.3 0 nil nil", 0},
	{`ntop.isPackage(), ntop.isAdministrator(), ntop.isnEdge(), ntop.isEnterpriseM(), ntop.isWindows(), ntop.isClickHouseEnabled()`, "false false false false false false", 0},
	{`ntop.recipient_enqueue(0, "{}", 1, 1, 2, 3), ntop.recipient_dequeue(0), ntop.reloadFlowChecks(), ntop.reloadHostChecks()`, "false nil nil nil", 0},
	{`ntop.httpPurifyParam("a<b>'\"\\\n"), ntop.getHttpPrefix(), ntop.httpPurifyParam()`, "a_b_____  nil", 1},
	{`ntop.getHashCache("h", "f"), ntop.getHashAllCache("h"), #ntop.getMembersCache("s"), ntop.getKeysCache("*")`, " nil 0 nil", 0},
	{`ntop.getHashCache("h"), ntop.setHashCache("h", "f"), ntop.delHashCache({}), ntop.getMembersCache(1), ntop.getKeysCache()`, "nil nil nil nil nil", 5},
	{`ntop.readdir("/"), ntop.exists("/etc"), ntop.getCurrentScriptsDir(), ntop.readdir(1), ntop.exists()`, "nil false /opt/x/scripts nil nil", 2},
	{`next(interface.getnDPIProtocols()), next(interface.getnDPICategories()), interface.updateIPReassignment(7, true)`, "nil nil nil", 0},
}

func TestConformance(t *testing.T) {
	for _, c := range slices.Concat(conformance, alertConformance) {
		t.Run(c.call, func(t *testing.T) {
			call, setup := c.call, "alert_consts = require('alert_consts') alerts_api = require('alerts_api')\n"
			if rest, ok := strings.CutPrefix(call, "N:"); ok {
				call, setup = rest, setup+"network.select(nil)\n"
			}
			if rest, ok := strings.CutPrefix(call, "S:"); ok {
				call, setup = rest, setup+alertFill
			}
			check, err := NewCheck(context.Background(), "test.lua", setup+`
local out = table.pack(`+call+`)
for i = 1, out.n do out[i] = tostring(out[i]) end
print(table.concat(out, " "))`, Options{InstallDir: "/opt/x", Version: "1.2.3", Interface: Interface{ID: 7, Name: "test0"}})
			if err != nil {
				t.Fatal(err)
			}
			defer check.Close()
			r, err := check.RunNetwork(context.Background(), testSnapshot(), 0, testNow, alerts.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(r.Output, "\n"); got != c.want {
				t.Errorf("got %q, want %q (warnings %q)", got, c.want, r.Warnings)
			}
			if got := check.Stats().ArgumentErrors; got != c.counted {
				t.Errorf("counted %d argument errors, want %d (warnings %q)", got, c.counted, r.Warnings)
			}
			if c.counted > 0 && len(r.Warnings) == 0 {
				t.Error("no warning")
			}
		})
	}
}

func TestArgumentErrorText(t *testing.T) {
	r, err := runSource(t, "\nnetwork.select({})\nntop.setCache(1)\nnetwork.getCachedAlertValue('k')", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"test.lua:2: network.select: argument 1 (network_id): number or nil expected, got table",
		"test.lua:3: ntop.setCache: argument 1 (key): string expected, got number 1",
		"test.lua:4: network.getCachedAlertValue: argument 2 (periodicity): number 0 to 5 expected, got no value",
	}
	if strings.Join(r.Warnings, "\n") != strings.Join(want, "\n") {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(r.Warnings, "\n"), strings.Join(want, "\n"))
	}
}
