-- Reference, section 5: alert pattern, a snippet of check(network_info).
-- input: a network with score 250, then 0; result: alert 5000 released, then engaged while the score is high
local alerts_api = require("alerts_api")
local alert_consts = require("alert_consts")
-- In check():
local score = (network.getNetworkStats() or {}).score or 0
local alert_info = {
alert_type = alert_consts.alert_types.alert_network_anomaly,
alert_severity = alert_consts.alert_severities.error,
alert_entity = alerts_api.networkEntity(network_info.network_cidr),
alert_score = score,
}
if score > 200 then
alerts_api.store(alert_info)
else
alerts_api.release(alert_info)
end
