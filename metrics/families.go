package metrics

import "github.com/prometheus/client_golang/prometheus"

// A kind is a metric's type.
type kind uint8

const (
	counter kind = iota
	gauge
	summary // sum and count, no quantiles
	histogram
)

func (k kind) String() string { return [...]string{"counter", "gauge", "summary", "histogram"}[k] }

// A family describes one metric; the documentation is made from it.
type family struct {
	name   string
	kind   kind
	labels []string
	help   string
}

// A familyID is an index of families.
type familyID uint8

// The families, in the order of the documentation.
const (
	trafficBytes familyID = iota
	trafficPackets
	processedBytes
	processedPackets
	processedCapturedBytes
	processedTruncated
	filteredBytes
	filteredPackets
	undecodedBytes
	undecodedPackets
	ipBytes
	ipPackets
	ipFragments
	snapshotTime

	networks
	removedBytes
	removedPackets
	networkInfo
	networkBytes
	networkPackets
	networkBroadcastBytes
	networkBroadcastPackets
	networkHosts
	networkHostsCapped
	networkHostsSeen
	networkFlows
	networkFlowsStarted
	networkFlowsClient
	networkFlowsServer
	networkLastSeen
	networkTCPPackets
	networkTCPRetransmissions
	networkTCPOutOfOrder
	networkTCPLost
	networkTCPKeepAlives
	networkTCPZeroWindows
	networkTCPSYN
	networkTCPSYNACK
	networkRTT
	matrixBytes
	matrixPackets

	hosts
	hostsRefused

	flowTableEntries
	flowTableCapacity
	flowTableMemory
	flowTableStarted
	flowTableEnded
	flowTableEvictions
	flowTableUntrackedPackets
	flowTableUntrackedBytes

	captureInfo
	capturePathInfo
	captureUp
	captureAwaited
	capturePackets
	captureBytes
	captureDrops
	lostPackets
	captureKernelPackets
	captureTruncated
	captureRingFreezes
	captureLosingBlocks
	captureDowns
	captureReopens
	captureLastPoll
	captureLastPollAge
	captureWorkerPackets
	captureWorkerDrops
	captureRingBytes

	kernelAttached
	kernelReattaches
	kernelFallbacks
	kernelGap
	kernelFlows
	kernelFlowCapacity
	kernelMemory
	kernelSampleRate
	kernelMapFullBytes
	kernelMapFullPackets
	kernelUnsampledBytes
	kernelUnsampledPackets
	kernelHandedPackets
	kernelRefusedPackets
	kernelPayloads
	kernelPayloadsLost
	kernelHealthFull
	kernelContended
	kernelDrains
	kernelDrainSeconds

	networkScore
	networkAlertsEngaged
	alertsEngaged
	alertsChanges
	alertsRefused
	alertsPast
	alertsCachedValues
	alertsQueued
	alertsStoreFailing
	alertsStoreCommits
	alertsStoreCommitErrors
	alertsStoreQueryErrors
	alertsStoreSetAside
	alertsTrimmed
	alertsStoreBytes

	checkInfo
	checkState
	checkRuns
	checkDuration
	checkLastRun
	checkLastSuccess
	checkAlerts
	checkChangesRefused
	checkChangesQueued
	checkWrongCalls
	checkPrintDropped
	scriptWorkersLost
	scriptWorkersRecycled
	scriptLateRuns
	scriptMissedPeriods
	scriptFilesRefused
	scriptReloads

	configLastOK
	configLastSuccess
	configReloads

	collectorSuccess
	collectorDuration

	numFamilies
)

var families = [numFamilies]family{
	trafficBytes: {"netmond_traffic_bytes_total", counter, []string{"scope"},
		"Wire bytes of captured traffic by scope; the scopes sum to netmond_processed_bytes_total."},
	trafficPackets: {"netmond_traffic_packets_total", counter, []string{"scope"},
		"Captured packets by scope; the scopes sum to netmond_processed_packets_total."},
	processedBytes: {"netmond_processed_bytes_total", counter, nil,
		"Wire bytes of all frames that were counted."},
	processedPackets: {"netmond_processed_packets_total", counter, nil,
		"Frames that were counted."},
	processedCapturedBytes: {"netmond_processed_captured_bytes_total", counter, nil,
		"Bytes of those frames that were captured, at most their wire bytes."},
	processedTruncated: {"netmond_processed_truncated_packets_total", counter, nil,
		"Frames captured shorter than on the wire; their whole length counts."},
	filteredBytes: {"netmond_filtered_bytes_total", counter, nil,
		"Wire bytes of the frames of capture files that --filter refused, in no other count; there only with a filter. Live the kernel counts none."},
	filteredPackets: {"netmond_filtered_packets_total", counter, nil,
		"Those frames."},
	undecodedBytes: {"netmond_undecoded_bytes_total", counter, []string{"reason"},
		"Wire bytes of frames whose headers could not be read, by reason."},
	undecodedPackets: {"netmond_undecoded_packets_total", counter, []string{"reason"},
		"Frames whose headers could not be read, by reason; they sum to the scope undecoded."},
	ipBytes: {"netmond_ip_bytes_total", counter, []string{"version"},
		"Wire bytes of frames by the version of the IP header that counted, 4 or 6."},
	ipPackets: {"netmond_ip_packets_total", counter, []string{"version"},
		"Frames by the version of the IP header that counted, 4 or 6."},
	ipFragments: {"netmond_ip_fragments_total", counter, nil,
		"IP fragments, first ones included."},
	snapshotTime: {"netmond_snapshot_timestamp_seconds", gauge, nil,
		"Capture clock of the snapshot, seconds since the Unix epoch; 0 before any traffic."},

	networks: {"netmond_networks", gauge, nil,
		"Configured local networks."},
	removedBytes: {"netmond_networks_removed_bytes_total", counter, []string{"direction"},
		"Wire bytes that were counted for networks which a reload took away since: what the networks and these sum to is in netmond_traffic_bytes_total."},
	removedPackets: {"netmond_networks_removed_packets_total", counter, []string{"direction"},
		"Packets that were counted for networks which a reload took away since."},
	networkInfo: {"netmond_network_info", gauge, []string{"network", "name", "id"},
		"1 for each local network, with its alias (else its CIDR as configured) as name and its number as id."},
	networkBytes: {"netmond_network_bytes_total", counter, []string{"network", "direction", "protocol"},
		"Wire bytes of a local network by direction (ingress, egress, inner) and transport protocol."},
	networkPackets: {"netmond_network_packets_total", counter, []string{"network", "direction", "protocol"},
		"Packets of a local network by direction and transport protocol."},
	networkBroadcastBytes: {"netmond_network_broadcast_bytes_total", counter, []string{"network", "direction"},
		"The part of netmond_network_bytes_total with a broadcast destination."},
	networkBroadcastPackets: {"netmond_network_broadcast_packets_total", counter, []string{"network", "direction"},
		"The part of netmond_network_packets_total with a broadcast destination."},
	networkHosts: {"netmond_network_hosts", gauge, []string{"network"},
		"Hosts of a local network now told apart."},
	networkHostsCapped: {"netmond_network_hosts_capped", gauge, []string{"network"},
		"1 when hosts were not told apart because of the bound, so that netmond_network_hosts is a lower bound."},
	networkHostsSeen: {"netmond_network_hosts_seen_total", counter, []string{"network"},
		"Hosts of a local network that appeared."},
	networkFlows: {"netmond_network_flows", gauge, []string{"network"},
		"Flows with an end in a local network that are in the flow table."},
	networkFlowsStarted: {"netmond_network_flows_started_total", counter, []string{"network"},
		"Flows begun with an end in a local network, once each."},
	networkFlowsClient: {"netmond_network_client_flows_started_total", counter, []string{"network"},
		"Flows begun by a host of a local network."},
	networkFlowsServer: {"netmond_network_server_flows_started_total", counter, []string{"network"},
		"Flows begun to a host of a local network."},
	networkLastSeen: {"netmond_network_last_seen_timestamp_seconds", gauge, []string{"network"},
		"Capture time of a local network's last traffic, to about a second; 0 for never."},
	networkTCPPackets: {"netmond_network_tcp_packets_total", counter, []string{"network", "direction"},
		"TCP packets with a readable header: the base of any share of the TCP counters."},
	networkTCPRetransmissions: {"netmond_network_tcp_retransmissions_total", counter, []string{"network", "direction"},
		"TCP packets that repeat data."},
	networkTCPOutOfOrder: {"netmond_network_tcp_out_of_order_total", counter, []string{"network", "direction"},
		"TCP packets that came after later data."},
	networkTCPLost: {"netmond_network_tcp_lost_total", counter, []string{"network", "direction"},
		"TCP packets missing in gaps of the sequence space."},
	networkTCPKeepAlives: {"netmond_network_tcp_keep_alives_total", counter, []string{"network", "direction"},
		"TCP keep-alive probes."},
	networkTCPZeroWindows: {"netmond_network_tcp_zero_windows_total", counter, []string{"network", "direction"},
		"TCP packets that announce a zero window."},
	networkTCPSYN: {"netmond_network_tcp_syn_total", counter, []string{"network", "direction"},
		"TCP packets with SYN and without ACK."},
	networkTCPSYNACK: {"netmond_network_tcp_syn_ack_total", counter, []string{"network", "direction"},
		"TCP packets with SYN and ACK."},
	networkRTT: {"netmond_network_rtt_seconds", summary, []string{"network", "side"},
		"Round-trip times: side server is SYN to SYN-ACK of servers in the network, client is SYN-ACK to ACK of its clients, ack is data towards the network to its acknowledgement."},
	matrixBytes: {"netmond_network_matrix_bytes_total", counter, []string{"src", "dst"},
		"Wire bytes from one local network to another; pairs without a series of their own are summed as other to other."},
	matrixPackets: {"netmond_network_matrix_packets_total", counter, []string{"src", "dst"},
		"Packets from one local network to another, likewise."},

	hosts: {"netmond_hosts", gauge, nil,
		"Hosts of all local networks now told apart."},
	hostsRefused: {"netmond_hosts_refused_total", counter, nil,
		"Attempts to tell apart one host more than the bound allows."},

	flowTableEntries: {"netmond_flow_table_entries", gauge, nil,
		"Flows in the flow table."},
	flowTableCapacity: {"netmond_flow_table_capacity", gauge, nil,
		"Most flows that the flow table holds."},
	flowTableMemory: {"netmond_flow_table_memory_bytes", gauge, nil,
		"Memory that the flow table holds."},
	flowTableStarted: {"netmond_flow_table_started_total", counter, []string{"protocol"},
		"Flows begun, by transport protocol."},
	flowTableEnded: {"netmond_flow_table_ended_total", counter, []string{"reason"},
		"Flows that left the table, by IPFIX flowEndReason."},
	flowTableEvictions: {"netmond_flow_table_evictions_total", counter, nil,
		"Flows evicted because the table was full: the reason lack_of_resources of netmond_flow_table_ended_total."},
	flowTableUntrackedPackets: {"netmond_flow_table_untracked_packets_total", counter, nil,
		"Packets that found no place in the flow table; their networks have them all the same."},
	flowTableUntrackedBytes: {"netmond_flow_table_untracked_bytes_total", counter, nil,
		"Wire bytes of those packets."},

	captureInfo: {"netmond_capture_info", gauge, []string{"interface", "path"},
		"1 for each live source, with the capture path in use."},
	capturePathInfo: {"netmond_capture_path_info", gauge, []string{"interface", "path", "reason"},
		"1 for each live source: the path in use, and why that one, for people."},
	captureUp: {"netmond_capture_up", gauge, []string{"interface"},
		"1 while frames can be captured on the interface, 0 while it is down or gone."},
	captureAwaited: {"netmond_capture_awaited", gauge, []string{"interface"},
		"1 while an interface that does not exist at the start is waited for (--wait-for-interface), 0 from when it exists."},
	capturePackets: {"netmond_capture_packets_total", counter, []string{"interface"},
		"Frames handed over by the source."},
	captureBytes: {"netmond_capture_bytes_total", counter, []string{"interface"},
		"Wire bytes of those frames."},
	captureDrops: {"netmond_capture_drops_total", counter, []string{"interface", "reason"},
		"Frames that passed the filter and were lost before netmond saw them: ring_full is the kernel's count of frames that found the ring full."},
	lostPackets: {"netmond_lost_packets_total", counter, []string{"interface", "cause"},
		"Frames that came to the interface and are missing somewhere, by cause. Missing from all figures: ring (the kernel found the capture ring full: more memory or processor time would have kept them), nic (the interface or its driver lost them before the kernel had them). Not missing from the totals, and counted without an interface: undecoded (headers that could not be read: in no network), untracked (no place in the flow table: in their networks, in no flow)."},
	captureKernelPackets: {"netmond_capture_kernel_packets_total", counter, []string{"interface"},
		"Frames that passed the socket's filter in the kernel, dropped ones included."},
	captureTruncated: {"netmond_capture_truncated_packets_total", counter, []string{"interface"},
		"Frames captured shorter than on the wire."},
	captureRingFreezes: {"netmond_capture_ring_freezes_total", counter, []string{"interface"},
		"Times the kernel found the ring full."},
	captureLosingBlocks: {"netmond_capture_losing_blocks_total", counter, []string{"interface"},
		"Ring blocks marked by the kernel as filled while frames were being lost."},
	captureDowns: {"netmond_capture_interface_downs_total", counter, []string{"interface"},
		"Times the interface went down or vanished."},
	captureReopens: {"netmond_capture_reopens_total", counter, []string{"interface"},
		"Times that an interface made again was followed."},
	captureLastPoll: {"netmond_capture_last_poll_timestamp_seconds", gauge, []string{"interface"},
		"Time of day at which the slowest worker last looked for frames."},
	captureLastPollAge: {"netmond_capture_last_poll_age_seconds", gauge, []string{"interface", "worker"},
		"How long ago a worker last looked for frames; below 1.1 without traffic. One that grows is a worker that stalls."},
	captureWorkerPackets: {"netmond_capture_worker_packets_total", counter, []string{"interface", "worker"},
		"Frames handed over by a worker's socket; they sum to netmond_capture_packets_total."},
	captureWorkerDrops: {"netmond_capture_worker_drops_total", counter, []string{"interface", "worker"},
		"Frames that found a worker's ring full; they sum to netmond_capture_drops_total."},
	captureRingBytes: {"netmond_capture_ring_bytes", gauge, []string{"interface"},
		"Memory of the capture rings of all workers."},

	kernelAttached: {"netmond_bpf_attached", gauge, []string{"interface", "mode"},
		"1 while programs in the kernel count the interface's frames, 0 while a packet socket stands in or the interface is gone."},
	kernelReattaches: {"netmond_bpf_reattaches_total", counter, []string{"interface", "reason"},
		"Times the programs were attached again after they were lost, by why: detached (by another process), interface (deleted, or made again)."},
	kernelFallbacks: {"netmond_bpf_fallbacks_total", counter, []string{"interface"},
		"Times a packet socket took over since the programs could not be attached again, or not hold the networks."},
	kernelGap: {"netmond_bpf_uncounted_seconds_total", counter, []string{"interface"},
		"Time for which it is not sure that frames were counted, for programs were taken off or the path changed: an upper bound. How many frames came then the counters of the interface may tell, nothing here."},
	kernelFlows: {"netmond_bpf_flows", gauge, []string{"interface"},
		"Flows in the kernel's table."},
	kernelFlowCapacity: {"netmond_bpf_flows_capacity", gauge, []string{"interface"},
		"Flows that the kernel's table can hold."},
	kernelMemory: {"netmond_bpf_memory_bytes", gauge, []string{"interface"},
		"Memory of the programs' maps."},
	kernelSampleRate: {"netmond_bpf_sample_rate", gauge, []string{"interface"},
		"One flow in so many is tracked now; 0 is none. Networks are exact with each."},
	kernelMapFullBytes: {"netmond_bpf_map_full_bytes_total", counter, []string{"interface"},
		"Bytes of the packets that found no place in the kernel's flow table: counted in their networks, in no flow."},
	kernelMapFullPackets: {"netmond_bpf_map_full_packets_total", counter, []string{"interface"},
		"Packets that found no place in the kernel's flow table: counted in their networks, in no flow."},
	kernelUnsampledBytes: {"netmond_bpf_unsampled_bytes_total", counter, []string{"interface"},
		"Bytes of flows that flow_detail leaves out: counted in their networks."},
	kernelUnsampledPackets: {"netmond_bpf_unsampled_packets_total", counter, []string{"interface"},
		"Packets of flows that flow_detail leaves out: counted in their networks."},
	kernelHandedPackets: {"netmond_bpf_handed_packets_total", counter, []string{"interface", "reason"},
		"Frames that the programs do not parse and gave to netmond, which decoded and counted them, by why."},
	kernelRefusedPackets: {"netmond_bpf_refused_packets_total", counter, []string{"interface", "reason"},
		"Frames that the programs do not parse and could not give to netmond: counted as undecoded, reason ring_full."},
	kernelPayloads: {"netmond_bpf_payloads_total", counter, []string{"interface"},
		"Payloads shown to the detectors of applications."},
	kernelPayloadsLost: {"netmond_bpf_payloads_lost_total", counter, []string{"interface"},
		"Payloads for which the ring had no room: their packets are counted, their application may stay unknown."},
	kernelHealthFull: {"netmond_bpf_health_full_total", counter, []string{"interface"},
		"TCP events that are in their network and not in their flow, for want of a record."},
	kernelContended: {"netmond_bpf_contended_total", counter, []string{"interface"},
		"TCP packets counted without a look at their connection, which another processor held."},
	kernelDrains: {"netmond_bpf_drains_total", counter, []string{"interface"},
		"Times the kernel's counts were read."},
	kernelDrainSeconds: {"netmond_bpf_drain_seconds_total", counter, []string{"interface"},
		"Processor time that reading the kernel's counts took."},

	networkScore: {"netmond_network_score", gauge, []string{"network", "side"},
		"Score of a local network: those of its engaged alerts, and of its alerted flows with a decay, as client and as server."},
	networkAlertsEngaged: {"netmond_network_alerts_engaged", gauge, []string{"network"},
		"Engaged alerts of a local network."},
	alertsEngaged: {"netmond_alerts_engaged", gauge, []string{"severity"},
		"Engaged alerts of all networks."},
	alertsChanges: {"netmond_alerts_changes_total", counter, []string{"change"},
		"Changes made: alerts engaged, released, and recorded without being engaged; cached values set (value)."},
	alertsRefused: {"netmond_alerts_refused_total", counter, []string{"reason"},
		"Changes that were not made: over a quota (quota) or size (too_large), wrong (invalid), over a bound of the store (full), on a disk that fails while the queue is full (failing), at the end (closed)."},
	alertsPast: {"netmond_alerts_past", gauge, nil,
		"Past alerts that are kept."},
	alertsCachedValues: {"netmond_alerts_cached_values", gauge, nil,
		"Cached values of checks that are kept."},
	alertsQueued: {"netmond_alerts_queued", gauge, nil,
		"Changes of alerts that wait in memory because the disk did not take them at once."},
	alertsStoreFailing: {"netmond_alerts_store_failing", gauge, nil,
		"1 while the disk does not take changes, or not in time; 0 without a data directory."},
	alertsStoreCommits: {"netmond_alerts_store_commit_seconds", summary, nil,
		"Time of the commits to disk."},
	alertsStoreCommitErrors: {"netmond_alerts_store_commit_errors_total", counter, nil,
		"Commits that failed; each is tried again."},
	alertsStoreQueryErrors: {"netmond_alerts_store_query_errors_total", counter, nil,
		"Questions that the database could not answer."},
	alertsStoreSetAside: {"netmond_alerts_store_set_aside_total", counter, nil,
		"Damaged database files that were renamed, with a new one begun."},
	alertsTrimmed: {"netmond_alerts_trimmed_total", counter, nil,
		"Past alerts removed by age, number or size, or by a user."},
	alertsStoreBytes: {"netmond_alerts_store_bytes", gauge, nil,
		"Size of the database and its log on disk."},

	checkInfo: {"netmond_check_info", gauge, []string{"check", "file", "shipped", "style"},
		"1 for each check, with its file, whether it comes with netmond, and its style (empty until it is loaded)."},
	checkState: {"netmond_check_state", gauge, []string{"check", "state"},
		"1 for the state that a check is in, 0 for the others: new, ok, failing, backed_off, broken, disabled."},
	checkRuns: {"netmond_check_runs_total", counter, []string{"check", "result"},
		"Runs of a check on one network, by result: ok, error (of Lua), timeout and memory (a limit), crashed (the worker ended otherwise), skipped (not begun after a failure)."},
	checkDuration: {"netmond_check_duration_seconds", histogram, []string{"check"},
		"Time of the runs of a check on one network."},
	checkLastRun: {"netmond_check_last_run_timestamp_seconds", gauge, []string{"check"},
		"Time of a check's last run; 0 for never."},
	checkLastSuccess: {"netmond_check_last_success_timestamp_seconds", gauge, []string{"check"},
		"Time of a check's last run without an error on any network; 0 for never."},
	checkAlerts: {"netmond_check_alerts_total", counter, []string{"check", "change"},
		"Alerts that a check engaged, released or recorded."},
	checkChangesRefused: {"netmond_check_changes_refused_total", counter, []string{"check"},
		"Changes of alerts and cached values by a check that were refused; netmond_alerts_refused_total tells why."},
	checkChangesQueued: {"netmond_check_changes_queued_total", counter, []string{"check"},
		"Changes by a check that had to wait in memory for the disk."},
	checkWrongCalls: {"netmond_check_wrong_calls_total", counter, []string{"check"},
		"Calls of the API by a check with wrong arguments."},
	checkPrintDropped: {"netmond_check_print_dropped_bytes_total", counter, []string{"check"},
		"Output of print that was over the bounds and is not in the log."},
	scriptWorkersLost: {"netmond_script_workers_lost_total", counter, []string{"reason"},
		"Lua worker processes that ended while a script ran: error (it spoke wrongly), timeout, memory, crashed."},
	scriptWorkersRecycled: {"netmond_script_workers_recycled_total", counter, nil,
		"Lua worker processes replaced between runs for the memory that scripts had kept."},
	scriptLateRuns: {"netmond_script_late_runs_total", counter, nil,
		"Runs of a periodicity that began over half a period late, or over the time of the run before."},
	scriptMissedPeriods: {"netmond_script_missed_periods_total", counter, nil,
		"Periods that passed without a run: the run before took too long, or the machine slept."},
	scriptFilesRefused: {"netmond_script_files_refused", gauge, nil,
		"Files now in the script folders that are no checks: for their name, a folder that cannot be read, or the bound on scripts."},
	scriptReloads: {"netmond_script_reloads_total", counter, nil,
		"Times that a change of the script folders or settings was taken over."},

	configLastOK: {"netmond_config_last_reload_successful", gauge, nil,
		"1 when the configuration in force is that of the last start or reload; 0 when the last reload was refused and an earlier one stays in force."},
	configLastSuccess: {"netmond_config_last_reload_success_timestamp_seconds", gauge, nil,
		"Time of day of the last start or successful reload."},
	configReloads: {"netmond_config_reloads_total", counter, []string{"result"},
		"Times that the configuration was read again, by result: success, failure."},

	collectorSuccess: {"netmond_collector_success", gauge, nil,
		"1 when this scrape could read a snapshot."},
	collectorDuration: {"netmond_collector_duration_seconds", gauge, nil,
		"Time that this scrape's snapshot took, and its metrics but for those that every network has."},
}

func (f *family) desc() *prometheus.Desc {
	return prometheus.NewDesc(f.name, f.help, f.labels, nil)
}
