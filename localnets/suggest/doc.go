// Package suggest finds prefixes that would make good local networks: those to which the traffic belongs
// that no local network has an end of. docs/networks.md has its rules for a reader.
package suggest
