-- Traffic volume per period.
--
-- Bytes into a network, out of it and within it, each against a threshold of its own for a minute,
-- five minutes, an hour and a day. A threshold of 0 is not checked. The period that is under way when
-- netmond starts is not judged. A run that is late, after a suspend for example, judges all traffic
-- since the run before it.
--
-- Hooks: min, 5mins, hour, day
-- Enabled by default: no
-- Engages: 4136 threshold_cross, subtypes volume_ingress, volume_egress and volume_inner, score 50.
-- Releases: After 1 period at or below 80 % of the threshold.
-- Settings:
--   ingress_min      bytes, 1000000000: Most bytes in a minute from outside into the network.
--   egress_min       bytes, 1000000000: Most bytes in a minute out of the network.
--   inner_min        bytes, 1000000000: Most bytes in a minute between hosts of the network.
--   ingress_5mins    bytes, 0: The same for five minutes.
--   egress_5mins     bytes, 0: The same for five minutes.
--   inner_5mins      bytes, 0: The same for five minutes.
--   ingress_hour     bytes, 0: The same for an hour.
--   egress_hour      bytes, 0: The same for an hour.
--   inner_hour       bytes, 0: The same for an hour.
--   ingress_day      bytes, 0: The same for a day.
--   egress_day       bytes, 0: The same for a day.
--   inner_day        bytes, 0: The same for a day.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 1: Quiet periods in a row after which the alert is released.

local alert_categories = require("alert_categories")
local alert_consts = require("alert_consts")
local alert_severities = require("alert_severities")
local alerts_api = require("alerts_api")
local checks = require("checks")

-- settle decides about one alert. It engages when value is above threshold, and is released when
-- value was at or below release_percent of threshold in release_after runs one after another.
local function settle(params, alert, value, threshold)
  local config, engaged = params.check_config, false
  for _, a in ipairs(params.cur_alerts) do
    engaged = engaged or a.alert_id == alert.alert_type and a.subtype == alert.subtype
  end
  local over = value > (engaged and threshold * config.release_percent / 100 or threshold)
  if not over and not engaged then return end

  local key = "quiet:" .. alert.alert_type .. "@" .. alert.subtype
  local period = checks.periodicities[params.granularity]
  local before = tonumber(network.getCachedAlertValue(key, period)) or 0
  local quiet = over and 0 or before + 1
  local done = not over and quiet >= config.release_after
  if done then quiet = 0 end
  if quiet ~= before then network.setCachedAlertValue(key, tostring(quiet), period) end

  local act = done and alerts_api.release or alerts_api.trigger
  act(params.alert_entity, alert, nil, params.cur_alerts)
end

local script = {
  category = alert_categories.network,
  severity = alert_severities.warning,
  default_enabled = false,
  default_value = {
    ingress_min = 1000000000, egress_min = 1000000000, inner_min = 1000000000,
    ingress_5mins = 0, egress_5mins = 0, inner_5mins = 0,
    ingress_hour = 0, egress_hour = 0, inner_hour = 0,
    ingress_day = 0, egress_day = 0, inner_day = 0,
    release_percent = 80, release_after = 1,
  },
}

local function check(params)
  for _, direction in ipairs({ "ingress", "egress", "inner" }) do
    local threshold = params.check_config[direction .. "_" .. params.granularity]
    if threshold > 0 then
      local bytes = alerts_api.network_delta_val("traffic_volume:" .. direction, params.granularity,
        params.entity_info[direction .. "_bytes"])
      local alert = {
        alert_type = alert_consts.alert_types.alert_threshold_cross.meta.alert_key,
        subtype = "volume_" .. direction,
        alert_severity = script.severity,
        alert_type_params = { metric = direction .. " bytes", value = bytes, operator = "gt", threshold = threshold },
      }
      settle(params, alert, bytes, threshold)
    end
  end
end

script.hooks = { min = check, ["5mins"] = check, hour = check, day = check }

return script
