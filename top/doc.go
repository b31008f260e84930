// Package top shows a netmond in a terminal: networks with their rates and small graphs, and below them
// hosts, flows, protocols and alerts. It reads the HTTP API and nothing else, whether of another process
// or of a server in this one, so that it shows what page and scripts see.
package top
