package packet

import "strconv"

// The link types that Decode reads, by their LINKTYPE_ values. Where a system's DLT_ value is
// another and stands in files, that value is here too.
const (
	LinkNull              LinkType = 0 // BSD loopback: address family in the capturing host's byte order
	LinkEthernet          LinkType = 1 // IEEE 802.3, from the destination address on
	LinkTokenRing         LinkType = 6 // IEEE 802.5
	LinkSLIP              LinkType = 8 // SLIP with BSD/OS pseudo-header
	LinkPPP               LinkType = 9 // PPP, with or without address and control
	LinkFDDI              LinkType = 10
	LinkRawBSD            LinkType = 12  // raw IP, DLT_RAW of most systems
	LinkRawOpenBSD        LinkType = 14  // raw IP, DLT_RAW of OpenBSD
	LinkPPPSerial         LinkType = 50  // PPP in HDLC-like framing, or Cisco HDLC
	LinkPPPEther          LinkType = 51  // from the PPPoE header on
	LinkATMRFC1483        LinkType = 100 // LLC-encapsulated ATM
	LinkRaw               LinkType = 101 // raw IP
	LinkCiscoHDLC         LinkType = 104
	LinkIEEE80211         LinkType = 105 // 802.11 without a radio header
	LinkFrameRelay        LinkType = 107
	LinkLoop              LinkType = 108 // OpenBSD loopback: address family in network byte order
	LinkEnc               LinkType = 109 // OpenBSD enc(4)
	LinkLinuxSLL          LinkType = 113 // Linux cooked capture v1
	LinkPFLOG             LinkType = 117 // pf(4) log
	LinkPrism             LinkType = 119 // 802.11 with a Prism header
	LinkIPOverFC          LinkType = 122 // RFC 2625, from the network addresses on
	LinkSunATM            LinkType = 123 // ATM as SunATM devices give it
	LinkRadiotap          LinkType = 127 // 802.11 with radiotap
	LinkFireWire          LinkType = 138 // IP over IEEE 1394 of Apple's systems
	LinkAVS               LinkType = 163 // 802.11 with an AVS header
	LinkPPPD              LinkType = 166 // PPP of Linux's pppd, a direction in place of the address
	LinkPPI               LinkType = 192 // per-packet information, then a frame of another link type
	LinkPPPWithDir        LinkType = 204 // a direction byte, then PPP
	LinkCiscoHDLCWithDir  LinkType = 205 // a direction byte, then Cisco HDLC
	LinkFrameRelayWithDir LinkType = 206 // a direction byte, then Frame Relay
	LinkIPv4              LinkType = 228
	LinkIPv6              LinkType = 229
	LinkNFLOG             LinkType = 239 // Linux netfilter log
	LinkIPoIB             LinkType = 242 // IP over InfiniBand
	LinkPKTAP             LinkType = 258 // Apple's packet metadata, then a frame of another link type
	LinkMPacket           LinkType = 274 // IEEE 802.3br mPacket, from the preamble on
	LinkLinuxSLL2         LinkType = 276 // Linux cooked capture v2
	LinkBroadcomTag       LinkType = 281 // Ethernet with a Broadcom switch tag after the addresses
	LinkBroadcomPrepend   LinkType = 282 // a Broadcom switch tag, then Ethernet
	LinkDSA               LinkType = 284 // Ethernet with a Marvell DSA tag after the addresses
	LinkEDSA              LinkType = 285 // the same with an EtherType before the tag
)

// Known reports whether Decode reads frames of link type l. Those of any other are
// ClassUndecoded with ReasonUnknownLink.
func (l LinkType) Known() bool {
	switch l {
	case LinkTokenRing, LinkFDDI, LinkIPOverFC, LinkSunATM, LinkFireWire, LinkPPPD, LinkCiscoHDLCWithDir,
		LinkFrameRelayWithDir, LinkPKTAP:
		return true
	case LinkNull, LinkEthernet, LinkSLIP, LinkPPP, LinkRawBSD, LinkRawOpenBSD, LinkPPPSerial,
		LinkPPPEther, LinkATMRFC1483, LinkRaw, LinkCiscoHDLC, LinkIEEE80211, LinkFrameRelay, LinkLoop,
		LinkEnc, LinkLinuxSLL, LinkPFLOG, LinkPrism, LinkRadiotap, LinkAVS, LinkPPI, LinkPPPWithDir,
		LinkIPv4, LinkIPv6, LinkNFLOG, LinkIPoIB, LinkMPacket, LinkLinuxSLL2, LinkBroadcomTag,
		LinkBroadcomPrepend, LinkDSA, LinkEDSA:
		return true
	}
	return false
}

// linkNames also holds link types that Decode does not read, so that a refusal can name them.
var linkNames = map[LinkType]string{
	LinkNull:              "NULL",
	LinkEthernet:          "EN10MB",
	3:                     "AX25",
	LinkTokenRing:         "IEEE802",
	7:                     "ARCNET",
	LinkSLIP:              "SLIP",
	LinkPPP:               "PPP",
	LinkFDDI:              "FDDI",
	LinkRawBSD:            "RAW",
	LinkRawOpenBSD:        "RAW",
	LinkPPPSerial:         "PPP_SERIAL",
	LinkPPPEther:          "PPP_ETHER",
	LinkATMRFC1483:        "ATM_RFC1483",
	LinkRaw:               "RAW",
	LinkCiscoHDLC:         "C_HDLC",
	LinkIEEE80211:         "IEEE802_11",
	LinkFrameRelay:        "FRELAY",
	LinkLoop:              "LOOP",
	LinkEnc:               "ENC",
	LinkLinuxSLL:          "LINUX_SLL",
	114:                   "LTALK",
	LinkPFLOG:             "PFLOG",
	LinkPrism:             "PRISM_HEADER",
	LinkIPOverFC:          "IP_OVER_FC",
	LinkSunATM:            "SUNATM",
	LinkRadiotap:          "IEEE802_11_RADIO",
	129:                   "ARCNET_LINUX",
	LinkFireWire:          "APPLE_IP_OVER_IEEE1394",
	140:                   "MTP2",
	141:                   "MTP3",
	143:                   "DOCSIS",
	144:                   "LINUX_IRDA",
	LinkAVS:               "IEEE802_11_RADIO_AVS",
	165:                   "BACNET_MS_TP",
	LinkPPPD:              "PPP_PPPD",
	177:                   "LINUX_LAPD",
	187:                   "BLUETOOTH_HCI_H4",
	189:                   "USB_LINUX",
	LinkPPI:               "PPI",
	195:                   "IEEE802_15_4",
	201:                   "BLUETOOTH_HCI_H4_WITH_PHDR",
	LinkPPPWithDir:        "PPP_WITH_DIR",
	LinkCiscoHDLCWithDir:  "C_HDLC_WITH_DIR",
	LinkFrameRelayWithDir: "FRELAY_WITH_DIR",
	220:                   "USB_LINUX_MMAPPED",
	226:                   "IPNET",
	227:                   "CAN_SOCKETCAN",
	LinkIPv4:              "IPV4",
	LinkIPv6:              "IPV6",
	230:                   "IEEE802_15_4_NOFCS",
	231:                   "DBUS",
	LinkNFLOG:             "NFLOG",
	240:                   "NETANALYZER",
	LinkIPoIB:             "IPOIB",
	243:                   "MPEG_2_TS",
	247:                   "INFINIBAND",
	248:                   "SCTP",
	249:                   "USBPCAP",
	251:                   "BLUETOOTH_LE_LL",
	252:                   "WIRESHARK_UPPER_PDU",
	253:                   "NETLINK",
	254:                   "BLUETOOTH_LINUX_MONITOR",
	LinkPKTAP:             "PKTAP",
	271:                   "VSOCK",
	LinkMPacket:           "ETHERNET_MPACKET",
	LinkLinuxSLL2:         "LINUX_SLL2",
	LinkBroadcomTag:       "DSA_TAG_BRCM",
	LinkBroadcomPrepend:   "DSA_TAG_BRCM_PREPEND",
	283:                   "IEEE802_15_4_TAP",
	LinkDSA:               "DSA_TAG_DSA",
	LinkEDSA:              "DSA_TAG_EDSA",
}

// String is the name that tcpdump prints, such as "EN10MB", or the number where none is known.
func (l LinkType) String() string {
	if s, ok := linkNames[l]; ok {
		return s
	}
	return strconv.Itoa(int(l))
}
