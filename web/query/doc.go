// Package query is the filter language of flows, hosts and alerts, the same in the API, on the page and
// in the terminal:
//
//	net:office host:192.0.2.7 port:443 proto:tcp app:TLS bytes>1MB
//
// Terms side by side must all hold; "or" joins alternatives, "not" or "-" turns a term around, and
// parentheses group. A term is key:value, key with a comparison and a number, or a word that is looked
// for in all texts. docs/api.md lists the keys.
package query
