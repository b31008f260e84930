-- Stands in for ntopng's check of this name: the calls, none of the code. See TestNtopngChecks.
-- input: the cache key that says that a discovery ran; result: 4171 stored once, the key removed
local alert_consts = require("alert_consts")
local alert_categories = require("alert_categories")

return {
  category = alert_categories.network,
  severity = alert_consts.get_printable_severities().notice,
  hooks = {
    min = function(params)
      local key = "ntopng.cache.network_discovery_executed.ifid_" .. interface.getId()
      local found = ntop.getCache(key)
      if found == nil or found == "" then return end
      ntop.delCache(key)
      local alert = alert_consts.alert_types.alert_network_discovery_executed:new(found)
      alert:set_score_notice()
      alert:set_info(params)
      alert:store(params.alert_entity)
    end,
  },
  gui = {i18n_title = "discovery", i18n_description = "discovery"},
}
