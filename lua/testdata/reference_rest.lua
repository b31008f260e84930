-- Reference, section 2: network.select from a REST endpoint.
-- input: _GET = {network_id = "0"}; result: the stats of network 0 as an answer
local ifid = _GET["ifid"] or interface.getFirstInterfaceId()
local network_id = tonumber(_GET["network_id"])
interface.select(tostring(ifid))
network.select(network_id)
local stats = network.getNetworkStats()
rest_utils.answer(rest_utils.consts.success.ok, stats)
