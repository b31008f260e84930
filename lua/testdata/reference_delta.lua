-- Reference, section 6: the previous byte count in the cache.
-- input: the three test networks; result: the cache holds the byte count of each as text
local checks = require("checks")
local periodicity = checks.periodicities.min
local stats = network.getNetworkStats() or {}
local cur_bytes = (stats.bytes_sent or 0) + (stats.bytes_rcvd or 0)
local prev_str = network.getCachedAlertValue("prev_bytes", periodicity)
local prev_bytes = tonumber(prev_str) or 0
local delta = cur_bytes - prev_bytes
network.setCachedAlertValue("prev_bytes", tostring(cur_bytes), periodicity)
if delta > 1e9 then
-- alert: more than 1 GB transferred in one minute
end
