// Package apps names the application protocol of a flow from its first payload bytes, and failing
// that from its ports, with the names that nDPI uses. It holds no state: the flow table keeps what
// it is told. Any number of goroutines may use it at once.
//
// # What an answer rests on
//
// A detector answers only when the payload's own structure speaks for its protocol: a magic number,
// lengths that agree with each other and with the packet, fields whose values are known. Where that is
// not enough to tell a protocol from chance, the detector asks for the protocol's port as well. An
// answer from ports alone is ByPort's, which the flow table asks last. Each packet is looked at alone,
// so what only several packets show is not seen: RTP with dynamic formats on arbitrary ports, data
// connections of FTP on arbitrary ports, protocols that are encrypted from their first byte. TLS is
// named by what it carries where a port says so (SMTPS, IMAPS, POPS, FTPS, DoH_DoT), else TLS.
//
// Server names come from a TLS or DTLS ClientHello, HTTP requests, RTSP requests, QUIC Initial packets and
// DNS and LLMNR questions. They are claims of whoever sent the packet: only their form is checked.
//
// # Files
//
// apps.go is what other packages use, detect.go the order of the detectors, names.go the protocols,
// ports.go ByPort's tables, host.go the rules of server names. The other files hold the detectors by
// family: tls, quic and quicinitial, http, dns, mail, remote (remote access, and other TCP protocols
// that open with text), windows, db, broker, voip, p2p (with games and LAN discovery), vpn, tunnels,
// infra (addressing, time, management, routing), monitor (measurement and redundancy), industrial.
//
// # Adding a protocol
//
//   - names.go: a constant, and the name as nDPI spells it (in its protocol list; where nDPI has none,
//     the usual one, and the comment on names says so).
//   - A detector in the family's file, with the specification and section that it follows. Check every
//     length before reading. Ask what the chance is that random bytes pass, and that another protocol's
//     do; answer with sure when no later packet can better it (a server name still to come is better),
//     with likely when one can. It allocates nothing and looks at a bounded number of bytes for each
//     payload byte.
//   - detect.go: its place in the list of its transport, text or binary by the first byte.
//   - ports.go: its assigned ports, if they say what a flow is.
//   - samples_test.go: a packet for each form that it recognises, built from the specification. The tests
//     run all samples on all ports, cut to all lengths, against all detectors, and fill all ports with
//     random bytes; a detector that is too loose fails there.
package apps
