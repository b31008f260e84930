-- Many new hosts in a network.
--
-- Hosts that appeared in the network since the run before: a sweep that is answered, addresses that are
-- made up, or a meeting with many guests. After a start every host is new, so the first warmup_minutes
-- minutes are not judged.
--
-- Hooks: min
-- Enabled by default: no
-- Engages: 5103 new_hosts, subtype new_hosts, score 50.
-- Releases: After 2 minutes at or below 80 % of the threshold.
-- Settings:
--   threshold        hosts/min, 100: Most new hosts in a minute.
--   warmup_minutes   minutes, 10: Runs after a start that are not judged.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 2: Quiet minutes in a row after which the alert is released.

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
  category = alert_categories.security,
  severity = alert_severities.warning,
  default_enabled = false,
  default_value = { threshold = 100, warmup_minutes = 10, release_percent = 80, release_after = 2 },
}

-- New hosts since the run before; 0 in the first runs after a start, which shows as a counter that
-- fell or was never seen.
local function appeared(params)
  local total = params.entity_info.new_hosts
  local key, period = "new_hosts:last", checks.periodicities[params.granularity]
  local last, runs = network.getCachedAlertValue(key, period):match("^(%d+) (%d+)$")
  last, runs = tonumber(last), tonumber(runs) or 0
  if not last or last > total then
    last, runs = total, 0
  end
  runs = math.min(runs + 1, params.check_config.warmup_minutes + 1)
  network.setCachedAlertValue(key, string.format("%d %d", total, runs), period)
  if runs <= params.check_config.warmup_minutes then return 0 end
  return total - last
end

local function check(params)
  local hosts, threshold = appeared(params), params.check_config.threshold
  local alert = {
    alert_type = 5103,
    subtype = "new_hosts",
    alert_severity = script.severity,
    alert_type_params = { metric = "new hosts", value = hosts, operator = "gt", threshold = threshold },
  }
  settle(params, alert, hosts, threshold)
end

script.hooks = { min = check }

return script
