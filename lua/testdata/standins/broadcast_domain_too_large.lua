-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: any; result: no alert, and a preference set when it is enabled
local alert_consts = require("alert_consts")
local alert_categories = require("alert_categories")

local function prefer(value) ntop.setPref("ntopng.prefs.is_broadcast_domain_too_large_enabled", value) end

return {
  category = alert_categories.network,
  severity = alert_consts.get_printable_severities().warning,
  hooks = {min = function(params) end},
  onEnable = function(hook, config) prefer("1") end,
  onDisable = function(hook, config) prefer("0") end,
  gui = {i18n_title = "broadcast", i18n_description = "broadcast"},
}
