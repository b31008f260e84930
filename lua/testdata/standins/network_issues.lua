-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: a network with problem packets above 15 % of its bytes, then none; result: 4179@<network> engaged, then released
local alert_consts = require("alert_consts")
local alert_categories = require("alert_categories")
local format_utils = require("format_utils")
local field_units = require("field_units")

local function check(params)
  local info = params.entity_info
  local bytes = info["inner"] + info["egress"] + info["ingress"]
  local worst = 0
  for _, problem in ipairs({"retransmissions", "out_of_order", "lost"}) do
    local packets = 0
    for _, direction in ipairs({"ingress", "egress", "inner"}) do
      packets = packets + (info["tcpPacketStats." .. direction] or {})[problem]
    end
    if bytes > 0 then worst = math.max(worst, format_utils.round(packets * 100 / bytes, 1)) end
  end
  local alert = alert_consts.alert_types.alert_network_issues.new(worst, params.check_config.threshold)
  alert:set_score_notice()
  alert:set_info(params)
  alert:set_subtype(info.network_key)
  alert:set_victim(info.network_key)
  if worst > 15 then
    alert:trigger(params.alert_entity, nil, params.cur_alerts)
  else
    alert:release(params.alert_entity, nil, params.cur_alerts)
  end
end

return {
  category = alert_categories.network,
  severity = alert_consts.get_printable_severities().warning,
  default_value = {threshold = 15},
  hooks = {min = check},
  gui = {i18n_title = "issues", i18n_description = "issues", i18n_field_unit = field_units.percentage},
}
