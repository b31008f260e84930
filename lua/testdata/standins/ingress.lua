-- Stands in for ntopng's retired check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: 2 GB more within a minute, then nothing; result: 4136@ingress engaged, then released
local alerts_api = require("alerts_api")
local alert_consts = require("alert_consts")
local checks = require("checks")

return {
  category = checks.check_categories.network,
  severity = alert_consts.get_printable_severities().error,
  default_value = {operator = "gt", threshold = 1073741824},
  hooks = {
    all = function(params)
      local delta = alerts_api.network_delta_val("ingress", params.granularity, params.entity_info["ingress"])
      alerts_api.checkThresholdAlert(params, alert_consts.alert_types.alert_threshold_cross, delta)
    end,
  },
  gui = {i18n_title = "ingress", i18n_description = "ingress", i18n_field_unit = checks.field_units.bytes},
}
