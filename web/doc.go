// Package web is netmond's HTTP server: metrics, the JSON API, health and readiness, with TLS and
// passwords as in every Prometheus exporter, and the REST scripts of the user's folders. No GET of its
// own changes anything, and no page of another site can make a browser change something. What a client
// can hold (connections, headers, bodies, time) is bounded, and what a bound refuses is counted.
package web
