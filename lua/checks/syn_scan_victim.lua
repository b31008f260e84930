-- SYN scan: connections asked of a network that nobody accepts.
--
-- TCP SYNs to hosts of the network less the SYN-ACKs that they sent, in the last complete minute: what a
-- scan for open ports leaves. ntopng's check of this name has 32768 as its threshold, counted since the
-- start. A network with public addresses sees stray SYNs all day; raise the threshold there. Where only
-- one direction of the traffic is captured, every SYN counts.
--
-- Hooks: min
-- Enabled by default: yes
-- Engages: 4157 tcp_syn_scan_victim, subtype syn_scan_victim, score 50.
-- Releases: After 2 minutes at or below 80 % of the threshold.
-- Settings:
--   threshold        SYN/min, 100: Most unanswered SYNs in a minute.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 2: Quiet minutes in a row after which the alert is released.

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
  category = alert_categories.security,
  severity = alert_severities.warning,
  default_enabled = true,
  default_value = { threshold = 100, release_percent = 80, release_after = 2 },
}

local function check(params)
  local unanswered = params.entity_info["hits.syn_scan_victim"] or 0
  local threshold = params.check_config.threshold
  local alert = {
    alert_type = alert_consts.alert_types.alert_tcp_syn_scan_victim.meta.alert_key,
    subtype = "syn_scan_victim",
    alert_severity = script.severity,
    alert_type_params = { metric = "unanswered SYNs", value = unanswered, operator = "gt", threshold = threshold },
  }
  settle(params, alert, unanswered, threshold)
end

script.hooks = { min = check }

return script
