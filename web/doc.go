// Package web is netmond's HTTP server: metrics, the JSON API, health and readiness, with TLS and
// passwords as in every Prometheus exporter. It only reads: no request changes anything. What a
// client can hold (connections, headers, time) is bounded, and what a bound refuses is counted.
package web
