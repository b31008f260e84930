-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: 40000 SYNs without an answer, then none; result: 4157@syn_scan_victim engaged, then released
local dirs = ntop.getDirs()
package.path = dirs.installdir .. "/scripts/lua/modules/?.lua;" .. package.path
local alerts_api = require "alerts_api"
local alert_consts = require "alert_consts"
local alert_categories = require "alert_categories"
local field_units = require "field_units"

local script = {
  category = alert_categories.security,
  severity = alert_consts.get_printable_severities().error,
  packet_interface_only = true,
  default_value = {operator = "gt", threshold = 32768},
  hooks = {},
  gui = {i18n_title = "scan", i18n_description = "scan", i18n_field_unit = field_units.syn_min},
}

function script.hooks.min(params)
  alerts_api.checkThresholdAlert(params, alert_consts.alert_types.alert_tcp_syn_scan_victim, params.entity_info["hits.syn_scan_victim"] or 0)
end

return script
