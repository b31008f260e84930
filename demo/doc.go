// Package demo makes the traffic of an office that does not exist, frame by frame, so that netmond can
// be seen at work without a network, privileges or a capture file: desks, servers, guests, a lab and
// IPv6 in the rhythm of working days, a scan and a SYN flood from outside, bad cabling in the lab, a
// broadcast storm, and a backup in the evening.
//
// The same seed and start give the same frames. Addresses are those reserved for documentation (RFC
// 5737, RFC 3849, RFC 9542).
package demo
