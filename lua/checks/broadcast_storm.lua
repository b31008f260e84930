-- Broadcast storm: too much broadcast traffic of a network.
--
-- The mean rate of bytes from hosts of the network to 255.255.255.255 or to the network's own directed
-- broadcast address, and from outside to the latter, over the last minute. ARP is not IP and counts in
-- no network.
--
-- Hooks: min
-- Enabled by default: yes
-- Engages: 5102 broadcast_storm, subtype broadcast_storm, score 100.
-- Releases: After 2 minutes at or below 80 % of the threshold.
-- Settings:
--   threshold        bytes/s, 100000: Highest mean rate of a minute. 100 kB/s are about 1,600 of the smallest frames.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 2: Quiet minutes in a row after which the alert is released.

local alert_categories = require("alert_categories")
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
  severity = alert_severities.error,
  default_enabled = true,
  default_value = { threshold = 100000, release_percent = 80, release_after = 2 },
}

-- Bytes a second since the run before; 0 on the first run and when the counters began anew.
local function mean_rate(params)
  local broadcast = params.entity_info.broadcast
  local bytes = broadcast.ingress + broadcast.egress + broadcast.inner
  local key, period = "broadcast_storm:last", checks.periodicities[params.granularity]
  local last_bytes, last_time = network.getCachedAlertValue(key, period):match("^(%d+) (%d+)$")
  network.setCachedAlertValue(key, string.format("%d %d", bytes, params.when), period)
  if not last_bytes then return 0 end
  local grown, seconds = bytes - tonumber(last_bytes), params.when - tonumber(last_time)
  if grown < 0 or seconds <= 0 then return 0 end
  return grown / seconds
end

local function check(params)
  local rate, threshold = mean_rate(params), params.check_config.threshold
  local alert = {
    alert_type = 5102,
    subtype = "broadcast_storm",
    alert_severity = script.severity,
    alert_type_params = { metric = "broadcast bytes/s", value = format_utils.round(rate), operator = "gt", threshold = threshold },
  }
  settle(params, alert, rate, threshold)
end

script.hooks = { min = check }

return script
