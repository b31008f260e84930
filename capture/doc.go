// Package capture gives frames: from capture files (pcap, pcapng, compressed or not, several merged
// by time) and, on Linux, from an interface through an AF_PACKET TPACKET_V3 ring.
package capture
