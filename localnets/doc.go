// Package localnets holds the configured local networks: their list and its syntax, the longest-prefix
// match, the counters of each network, the matrix between them and the hosts seen in them.
//
// The flow table is the only writer of traffic counters (through [Registry.Apply]); readers get a
// [Snapshot]. The package imports nothing of netmond and never reads the clock: time is given.
package localnets
