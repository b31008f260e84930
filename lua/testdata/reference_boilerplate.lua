-- Reference, section 2: standard boilerplate of a network check script.
-- input: the three test networks; result: no error, nothing printed or returned
-- scripts/lua/modules/network_checks/my_network_check.lua
local dirs = ntop.getDirs()
package.path = dirs.installdir .. "/scripts/lua/modules/?.lua;" .. package.path
local alert_consts = require("alert_consts")
local alerts_api = require("alerts_api")
local my_check = {}
function my_check.check(network_info)
-- network_info.network_cidr contains the CIDR string, e.g. "10.0.0.0/8"
-- Ensure the network context is set
if not network.checkContext(network_info.network_cidr) then return end
local stats = network.getNetworkStats()
if not stats then return end
-- Example: alert on high score
if stats.score and stats.score > 100 then
-- store/release alerts via network.storeTriggeredAlert / network.releaseTriggeredAlert
end
end
return my_check
