// Package checks holds the checks that netmond ships, in Lua, and their descriptions.
//
// All have one shape: a table in ntopng's style whose hooks compute one value for an alert and give it
// to settle, which is the same text in every file. Values that a check remembers between runs are
// cached values of the network, so that they outlast a restart. Alert numbers are ntopng's where it
// knows the kind; 5101 to 5105 are netmond's.
package checks
