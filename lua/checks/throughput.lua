-- Throughput of a network.
--
-- The mean rate of all traffic of a network (in, out and within) since the run before, over the time
-- that really passed. For a limit on volume see traffic_volume. The alert also tells the rate of the
-- last 5 seconds.
--
-- Hooks: min
-- Enabled by default: no
-- Engages: 4136 threshold_cross, subtype throughput, score 50.
-- Releases: After 2 minutes at or below 80 % of the threshold.
-- Settings:
--   threshold        Mbit/s, 800: Highest mean rate of a minute (1 Mbit is 1,000,000 bits).
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 2: Quiet minutes in a row after which the alert is released.

local alert_categories = require("alert_categories")
local alert_consts = require("alert_consts")
local alert_severities = require("alert_severities")
local alerts_api = require("alerts_api")
local checks = require("checks")
local format_utils = require("format_utils")

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
  default_value = { threshold = 800, release_percent = 80, release_after = 2 },
}

-- Mbit/s since the run before; 0 on the first run and when the counters began anew.
local function mean_rate(params)
  local info = params.entity_info
  local bytes = info.ingress_bytes + info.egress_bytes + info.inner_bytes
  local key, period = "throughput:last", checks.periodicities[params.granularity]
  local last_bytes, last_time = network.getCachedAlertValue(key, period):match("^(%d+) (%d+)$")
  network.setCachedAlertValue(key, string.format("%d %d", bytes, params.when), period)
  if not last_bytes then return 0 end
  local grown, seconds = bytes - tonumber(last_bytes), params.when - tonumber(last_time)
  if grown < 0 or seconds <= 0 then return 0 end
  return grown * 8 / seconds / 1e6
end

local function check(params)
  local rate, threshold = mean_rate(params), params.check_config.threshold
  local alert = {
    alert_type = alert_consts.alert_types.alert_threshold_cross.meta.alert_key,
    subtype = "throughput",
    alert_severity = script.severity,
    alert_type_params = {
      metric = "Mbit/s", value = format_utils.round(rate, 3), operator = "gt", threshold = threshold,
      last_5s = format_utils.round(params.entity_info.throughput_bps * 8 / 1e6, 3),
    },
  }
  settle(params, alert, rate, threshold)
end

script.hooks = { min = check }

return script
