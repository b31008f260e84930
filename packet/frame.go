package packet

// A LinkType is a LINKTYPE_ value as pcap and pcapng files hold it
// (https://www.tcpdump.org/linktypes.html).
type LinkType uint16

// A Frame is one captured frame as its source hands it over. Data belongs to the source and is
// valid until the source's next ReadBlock; nothing downstream keeps it.
type Frame struct {
	Data    []byte // captured bytes, from the link-layer header on; may be shorter than WireLen
	Time    int64  // capture time in ns since the Unix epoch; may run backwards or be negative
	WireLen uint32 // bytes on the wire: link-layer header and all VLAN tags in, FCS out

	// VLANTPID and VLANTCI are an 802.1Q tag that the kernel took out of Data (host byte order).
	// TPID 0 means that none was taken. WireLen already includes its 4 bytes.
	VLANTPID uint16
	VLANTCI  uint16

	Link      LinkType
	Interface uint16 // the source's own index of the capture interface
}

// A Block is a batch of frames that become invalid together.
type Block struct {
	Frames []Frame
}
