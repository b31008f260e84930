-- Traffic between two local networks that should not talk.
--
-- Bytes in either direction between the networks of each pair since the run before, from the matrix of
-- local networks. The alert is one of the network that is named first. Without pairs the check does
-- nothing. A name that no network has is printed once.
--
-- Hooks: min
-- Enabled by default: no
-- Engages: 5104 forbidden_traffic, subtype the other network's CIDR, score 200.
-- Releases: After 5 minutes at or below 80 % of the threshold.
-- Settings:
--   networks         names, "": Pairs such as "guests=servers, 10.1.0.0/16=10.2.0.0/16"; a name is a CIDR or an alias.
--   threshold        bytes/min, 0: Most bytes in a minute; 0 allows none.
--   release_percent  percent, 80: An engaged alert counts as quiet at or below this share of the threshold.
--   release_after    runs, 5: Quiet minutes in a row after which the alert is released.

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
  severity = alert_severities.critical,
  default_enabled = false,
  default_value = { networks = "", threshold = 0, release_percent = 80, release_after = 5 },
}

local warned = {}

-- The number of the network of this name, or nil.
local function lookup(text)
  local name = text:match("^%s*(.-)%s*$")
  local id = ntop.getNetworkIdByName(name)
  if id >= 0 then return id end
  if not warned[name] then
    warned[name] = true
    print("forbidden_traffic: no local network is named " .. name)
  end
  return nil
end

local function check_pair(params, other)
  local threshold = params.check_config.threshold
  local cell = params.entity_info.intranet_traffic[other]
  local bytes = alerts_api.network_delta_val("forbidden_traffic:" .. other, params.granularity,
    cell and cell.bytes_sent + cell.bytes_rcvd or 0)
  local alert = {
    alert_type = 5104,
    subtype = other,
    alert_severity = script.severity,
    alert_type_params = { metric = "bytes", value = bytes, operator = "gt", threshold = threshold, other = other },
  }
  settle(params, alert, bytes, threshold)
end

local function check(params)
  for first, second in params.check_config.networks:gmatch("([^,=]+)=([^,=]+)") do
    local id, other = lookup(first), lookup(second)
    if id == params.entity_info.network_id and other and other ~= id then
      check_pair(params, ntop.getNetworkNameById(other))
    end
  end
end

script.hooks = { min = check }

return script
