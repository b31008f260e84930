-- TCP problems: retransmissions, segments out of order, segments lost.
--
-- Each as a share of the TCP packets of the last minute, all directions of the network together. The
-- share of lost segments is of those that should have been seen: the packets and the lost. A minute
-- with fewer than min_packets TCP packets counts as a quiet one. ntopng's check of this name compares
-- packets with bytes since the start, with 15 as its threshold, and so hardly ever fires.
--
-- Hooks: min
-- Enabled by default: yes
-- Engages: 4179 network_issues, subtypes retransmissions, out_of_order and lost, score 50.
-- Releases: After 3 minutes at or below 80 % of the threshold.
-- Settings:
--   retransmissions  percent, 5: Highest share of packets sent again.
--   out_of_order     percent, 5: Highest share of packets that came late.
--   lost             percent, 5: Highest share of packets that were never seen.
--   min_packets      packets, 500: TCP packets in the minute from which on shares are judged.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 3: Quiet minutes in a row after which the alert is released.

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
  default_enabled = true,
  default_value = {
    retransmissions = 5, out_of_order = 5, lost = 5, min_packets = 500,
    release_percent = 80, release_after = 3,
  },
}

local counters = { "packets", "retransmissions", "out_of_order", "lost" }

-- How much each counter rose since the run before, all directions together; nil on the first run
-- and when the counters began anew.
local function rises(params)
  local now, rise = {}, {}
  local key, period = "network_issues:last", checks.periodicities[params.granularity]
  local last = network.getCachedAlertValue(key, period):gmatch("%d+")
  for i, name in ipairs(counters) do
    local total = 0
    for _, direction in ipairs({ "ingress", "egress", "inner" }) do
      total = total + params.entity_info["tcpPacketStats." .. direction][name]
    end
    now[i] = string.format("%d", total)
    local before = tonumber(last() or "")
    if before and rise and before <= total then rise[name] = total - before else rise = nil end
  end
  network.setCachedAlertValue(key, table.concat(now, " "), period)
  return rise
end

local function check(params)
  local config, rise = params.check_config, rises(params)
  local judged = rise and rise.packets >= config.min_packets
  for _, kind in ipairs({ "retransmissions", "out_of_order", "lost" }) do
    local share = 0
    if judged then
      local of = rise.packets
      if kind == "lost" then of = of + rise.lost end
      share = 100 * rise[kind] / of
    end
    local alert = {
      alert_type = alert_consts.alert_types.alert_network_issues.meta.alert_key,
      subtype = kind,
      alert_severity = script.severity,
      alert_type_params = {
        metric = kind .. " percent", value = format_utils.round(share, 2), operator = "gt", threshold = config[kind],
        packets = rise and rise.packets or 0,
      },
    }
    settle(params, alert, share, config[kind])
  end
end

script.hooks = { min = check }

return script
