-- Round-trip time much longer than usual.
--
-- The moving average of TCP handshake times (the first packets of connections) of the network, against
-- a baseline that the check keeps: a slow average of the same figure over its own runs. The baseline
-- follows also while the alert is engaged, half of the way in about half an hour, so that what lasts
-- becomes the new normal. Minutes with fewer than min_samples new samples count as quiet and leave the
-- baseline as it is. The first learn_minutes minutes with samples are not judged.
--
-- Hooks: min
-- Enabled by default: yes
-- Engages: 5105 rtt_degradation, subtype rtt_degradation, score 50.
-- Releases: After 3 minutes at or below 80 % of the highest time allowed.
-- Settings:
--   factor           times, 3: Highest time, in baselines.
--   min_increase     ms, 30: Least rise above the baseline that is worth an alert.
--   min_samples      samples, 5: Handshake samples in the minute from which on it is judged.
--   learn_minutes    minutes, 15: Minutes with samples that make the baseline.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 3: Quiet minutes in a row after which the alert is released.

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
  severity = alert_severities.warning,
  default_enabled = true,
  default_value = {
    factor = 3, min_increase = 30, min_samples = 5, learn_minutes = 15,
    release_percent = 80, release_after = 3,
  },
}

local adapt = 0.02 -- share of a new minute in the baseline

local function check(params)
  local info, config = params.entity_info, params.check_config
  local key, period = "rtt_degradation:baseline", checks.periodicities[params.granularity]
  local baseline, learnt = network.getCachedAlertValue(key, period):match("^([%d.]+) (%d+)$")
  baseline, learnt = tonumber(baseline), tonumber(learnt) or 0

  local rtt, highest = 0, 0
  local samples = alerts_api.network_delta_val("rtt_degradation:samples", params.granularity, info.rtt_samples)
  if samples >= config.min_samples and samples > 0 then
    local now = info.round_trip_time
    if baseline and learnt >= config.learn_minutes then
      rtt, highest = now, math.max(baseline * config.factor, baseline + config.min_increase)
      baseline = baseline + adapt * (now - baseline)
    else -- a plain mean while learning
      learnt = learnt + 1
      baseline = (baseline or 0) + (now - (baseline or 0)) / learnt
    end
    network.setCachedAlertValue(key, string.format("%.3f %d", baseline, learnt), period)
  end

  local alert = {
    alert_type = 5105,
    subtype = "rtt_degradation",
    alert_severity = script.severity,
    alert_type_params = {
      metric = "ms", value = rtt, operator = "gt", threshold = format_utils.round(highest, 1),
      baseline = format_utils.round(baseline or 0, 1), samples = samples,
    },
  }
  settle(params, alert, rtt, highest)
end

script.hooks = { min = check }

return script
