package metrics

import "github.com/prometheus/common/model"

const mfsScheme = model.UTF8Validation

const docsHead = `# Metrics

<!-- Made by go test ./metrics -run TestDocs -update from metrics/families.go; edit that. -->

What ` + "`netmond run`" + ` exposes under ` + "`/metrics`" + `. All figures of one scrape are of one snapshot, at which the
accounting closes, and equal those of ` + "`/api/v1/networks`" + ` ([read-json.md](read-json.md)).

- Bytes are original frame lengths on the wire: link-layer header and VLAN tags in, FCS out.
- ` + "`network`, `src` and `dst`" + ` are canonical CIDRs of the configuration. ` + "`direction`" + ` is ` + "`ingress`" + `, ` + "`egress`" + ` or
  ` + "`inner`" + `; ` + "`protocol`" + ` is ` + "`tcp`, `udp`, `sctp`, `icmp`" + ` (ICMPv6 too) or ` + "`other`" + `; ` + "`scope`" + ` is ` + "`inbound`, `outbound`,\n" +
	"  `internal`, `transit`, `encapsulation`, `non_ip` or `undecoded`" + `. To show a network's name, join:
  ` + "`rate(netmond_network_bytes_total[5m]) * on (network) group_left (name) netmond_network_info`" + `.
- Every network has all its series from the start, with zeros. Their number depends on the configuration
  alone, never on the traffic: about 78 per network, 31 per check, and the matrix within its bound.
- **The matrix**: where all pairs of different networks fit into ` + "`--metrics.matrix-series`" + `, each has its series
  from the start. Otherwise a pair gets them when it is first seen at a scrape, the busiest first, until the
  bound is reached; the rest is summed under ` + "`src=\"other\", dst=\"other\"`" + `. A pair once exported stays exported,
  and none moves out of ` + "`other`" + `, so that no counter falls while the list of networks stands.
- Counters start at zero with the process and only rise. They are 64 bit inside; Prometheus holds numbers
  as floats, exact up to 2^53 (9 PB).
`

const docsTail = `
## Beside these

| metric | type | labels | meaning |
|---|---|---|---|
| ` + "`netmond_http_connections`" + ` | gauge |  | Connections of the HTTP server that are open. |
| ` + "`netmond_http_connections_closed_total`" + ` | counter | ` + "`reason`" + ` | Connections closed at the bound on connections: ` + "`evicted`" + ` idle ones to make room, ` + "`refused`" + ` new ones when there was none. |
| ` + "`netmond_http_requests_total`" + ` | counter | ` + "`path`, `code`" + ` | HTTP requests answered; ` + "`path`" + ` is one of the paths that exist, else ` + "`other`" + `. |
| ` + "`netmond_log_lines_dropped_total`" + ` | counter |  | Log lines that were not written because their destination did not take them in time. |
| ` + "`netmond_build_info`" + ` | gauge | ` + "`version`, `revision`, `branch`, `goversion`, `goos`, `goarch`, `tags`" + ` | 1, with how the binary was built. |
| ` + "`go_*`, `process_*`" + ` | | | The Go runtime and the process, as in every Go exporter. |
`
