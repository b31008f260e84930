-- A check in ntopng's style.
-- input: stats of network 0 at five minutes of capture time; result: see TestNtopngStyle
local alert_consts = require("alert_consts")
local alerts_api = require("alerts_api")
local alert_severities = require("alert_severities")
local alert_categories = require("alert_categories")
local field_units = require("field_units")
local format_utils = require("format_utils")

local function flood(params)
  local value = params.entity_info["hits.flow_flood_victim"] or 0
  alerts_api.checkThresholdAlert(params, alert_consts.alert_types.alert_flow_flood_victim, value, nil, params.entity_info)
end

local function issues(params)
  local stats = params.entity_info
  local lost = stats["tcpPacketStats.ingress"].lost
  local alert = alert_consts.alert_types.alert_network_issues.new(format_utils.round(lost * 100 / 6, 1))
  alert:set_score_warning()
  alert:set_info(params)
  alert:set_subtype(stats.network_key)
  if lost > 2 then alert:trigger(params.alert_entity, nil, params.cur_alerts) else alert:release(params.alert_entity, nil, params.cur_alerts) end
  alerts_api.store(params.alert_entity, alert_consts.alert_types.alert_network_discovery_executed:new(lost))
  print(params.granularity, alerts_api.network_delta_val("x", params.granularity, stats.ingress + stats.egress))
end

return {
  category = alert_categories.security,
  severity = alert_severities.error,
  default_value = {operator = "gt", threshold = 5},
  hooks = {min = flood, ["5mins"] = issues},
  gui = {i18n_title = "x", i18n_description = "y", i18n_field_unit = field_units.flow_sec},
}
