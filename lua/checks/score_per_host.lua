-- Score of a network, per host.
--
-- The alert score of the network over its active hosts. The score of this check's own alert is left
-- out, for else the alert would keep itself engaged.
--
-- Hooks: min
-- Enabled by default: no
-- Engages: 4174 network_score_per_host, subtype score_per_host, score 100.
-- Releases: After 2 minutes at or below 80 % of the threshold.
-- Settings:
--   threshold        score, 50: Highest score per active host.
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
  category = alert_categories.security,
  severity = alert_severities.error,
  default_enabled = false,
  default_value = { threshold = 50, release_percent = 80, release_after = 2 },
}

local function check(params)
  local info, threshold = params.entity_info, params.check_config.threshold
  local id = alert_consts.alert_types.alert_network_score_per_host.meta.alert_key
  local score = info.score
  for _, a in ipairs(params.cur_alerts) do
    if a.alert_id == id then score = score - a.score end
  end
  local per_host = info.num_hosts > 0 and math.max(score, 0) / info.num_hosts or 0
  local alert = {
    alert_type = id,
    subtype = "score_per_host",
    alert_severity = script.severity,
    alert_type_params = {
      metric = "score per host", value = format_utils.round(per_host, 2), operator = "gt", threshold = threshold,
      score = score, hosts = info.num_hosts,
    },
  }
  settle(params, alert, per_host, threshold)
end

script.hooks = { min = check }

return script
