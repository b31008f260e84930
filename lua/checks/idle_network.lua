-- A network that used to talk has gone quiet.
--
-- The network had traffic in at least talk_minutes minutes, with no pause longer than idle_minutes
-- between them, and now has had none for longer than idle_minutes. A network that talks now and then
-- is never judged. After a long pause the network has to talk for talk_minutes again.
--
-- Hooks: min
-- Enabled by default: no
-- Engages: 5101 idle_network, subtype idle_network, score 100.
-- Releases: After 1 minute with traffic.
-- Settings:
--   idle_minutes     minutes, 10: Longest pause.
--   talk_minutes     minutes, 30: Minutes with traffic that make a network one that talks.
--   release_percent  percent, 0: An engaged alert ends at or below this share of idle_minutes: when there is no pause.
--   release_after    runs, 1: Minutes with traffic after which the alert is released.

local alert_categories = require("alert_categories")
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
  severity = alert_severities.error,
  default_enabled = false,
  default_value = { idle_minutes = 10, talk_minutes = 30, release_percent = 0, release_after = 1 },
}

local function check(params)
  local info, config = params.entity_info, params.check_config
  local key, period = "idle_network:state", checks.periodicities[params.granularity]
  local talked, last = network.getCachedAlertValue(key, period):match("^(%d+) (%d+)$")
  talked, last = tonumber(talked) or 0, tonumber(last) or params.when

  local bytes = alerts_api.network_delta_val("idle_network:bytes", params.granularity,
    info.ingress_bytes + info.egress_bytes + info.inner_bytes)
  local pause = math.floor((params.when - last) / 60 + 0.5)
  if bytes > 0 then
    -- A minute that follows the last one with traffic has no pause before it.
    if pause - 1 > config.idle_minutes then talked = 0 end
    talked, pause = math.min(talked + 1, config.talk_minutes), 0
    network.setCachedAlertValue(key, string.format("%d %d", talked, params.when), period)
  end
  if talked < config.talk_minutes then pause = 0 end

  local alert = {
    alert_type = 5101,
    subtype = "idle_network",
    alert_severity = script.severity,
    alert_type_params = { metric = "minutes without traffic", value = pause, operator = "gt", threshold = config.idle_minutes },
  }
  settle(params, alert, pause, config.idle_minutes)
end

script.hooks = { min = check }

return script
