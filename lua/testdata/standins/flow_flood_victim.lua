-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: hits.flow_flood_victim of 40000, then 10; result: 4153@flow_flood_victim engaged, then released
local alerts_api = require("alerts_api")
local alert_consts = require("alert_consts")
local alert_categories = require("alert_categories")
local field_units = require("field_units")

local severities = alert_consts.get_printable_severities()

return {
  category = alert_categories.security,
  severity = severities.error,
  default_enabled = false,
  default_value = {operator = "gt", threshold = 32768},
  hooks = {
    min = function(params)
      local peak = params.entity_info["hits.flow_flood_victim"] or 0
      alerts_api.checkThresholdAlert(params, alert_consts.alert_types.alert_flow_flood_victim, peak, nil, params.entity_info.network_key)
    end,
  },
  gui = {i18n_title = "flood", i18n_description = "flood", i18n_field_unit = field_units.flow_sec, input_builder = "threshold_cross", field_min = 1, field_max = 65535, field_operator = "gt"},
}
