// Package metrics is the Prometheus view of a snapshot and of the capture: constant metrics made
// from one [View] at each scrape, so that all figures of a scrape are of one moment at which the
// accounting closes. Configuration alone decides which series exist; labels never come from the
// wire. docs/metrics.md lists them all and is made from the table in families.go.
package metrics
