-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: any; result: no alert, and the interface told when it is enabled
local alert_consts = require("alert_consts")
local alert_categories = require("alert_categories")

local function tell(enabled)
  for id in pairs(interface.getIfNames()) do
    interface.updateIPReassignment(tonumber(id), enabled)
  end
end

return {
  category = alert_categories.network,
  severity = alert_consts.get_printable_severities().warning,
  hooks = {min = function() end},
  onEnable = function(hook, config) tell(true) end,
  onDisable = function(hook, config) tell(false) end,
  gui = {i18n_title = "reassignment", i18n_description = "reassignment"},
}
