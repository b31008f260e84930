// Package apps names the application protocol of a flow from its first payload bytes, and failing
// that from its ports, with the names that nDPI uses. It holds no state: the flow table keeps what
// it is told.
package apps
