package filter

// keyword gives the first spelling of a keyword in any of its spellings, "" for another word. Letters'
// case matters.
func keyword(s string) string {
	if k, ok := spellings[s]; ok {
		return k
	}
	if _, ok := keywords[s]; ok {
		return s
	}
	if _, ok := foreignKeywords[s]; ok {
		return s
	}
	return ""
}

var spellings = map[string]string{
	"ether": "link", "ppp": "link", "slip": "link", "fddi": "link", "tr": "link", "wlan": "link",
	"es-is": "esis", "is-is": "isis", "length": "len", "direction": "dir", "address1": "addr1",
	"address2": "addr2", "address3": "addr3", "address4": "addr4",
}

var keywords = set(
	"and", "or", "not",
	"dst", "src", "ra", "ta", "addr1", "addr2", "addr3", "addr4",
	"host", "net", "mask", "port", "portrange", "proto", "protochain", "gateway",
	"link", "arp", "rarp", "ip", "sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp",
	"radio", "ip6", "icmp6", "ah", "esp", "atalk", "aarp", "decnet", "lat", "sca", "moprc", "mopdl",
	"iso", "esis", "isis", "l1", "l2", "iih", "lsp", "snp", "csnp", "psnp", "clnp", "stp", "ipx", "netbeui",
	"type", "subtype", "dir", "less", "greater", "byte", "broadcast", "multicast", "len", "inbound", "outbound",
	"ifindex", "vlan", "mpls", "pppoed", "pppoes", "geneve", "llc",
)

// foreignKeywords are libpcap's for link types that netmond does not read.
var foreignKeywords = map[string]string{
	"lane": "ATM", "metac": "ATM", "bcc": "ATM", "oam": "ATM", "oamf4": "ATM", "oamf4ec": "ATM", "oamf4sc": "ATM",
	"sc": "ATM", "ilmic": "ATM", "vpi": "ATM", "vci": "ATM", "connectmsg": "ATM", "metaconnect": "ATM",
	"fisu": "SS7", "lsu": "SS7", "lssu": "SS7", "msu": "SS7", "hfisu": "SS7", "hlssu": "SS7", "hmsu": "SS7",
	"sio": "SS7", "opc": "SS7", "dpc": "SS7", "sls": "SS7", "hsio": "SS7", "hopc": "SS7", "hdpc": "SS7", "hsls": "SS7",
	"on": "PF log", "ifname": "PF log", "rset": "PF log", "ruleset": "PF log", "rnr": "PF log", "rulenum": "PF log",
	"srnr": "PF log", "subrulenum": "PF log", "reason": "PF log", "action": "PF log",
}

func set(words ...string) map[string]struct{} {
	m := make(map[string]struct{}, len(words))
	for _, w := range words {
		m[w] = struct{}{}
	}
	return m
}

// constants are the names that stand for numbers.
var constants = map[string]uint32{
	"icmptype": 0, "icmpcode": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12,
	"icmp-tstamp": 13, "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16,
	"icmp-maskreq": 17, "icmp-maskreply": 18,

	"icmp6type": 0, "icmp6code": 1,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
	"icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
	"icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151,
	"icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,

	"tcpflags": 13,
	"tcp-fin":  0x01, "tcp-syn": 0x02, "tcp-rst": 0x04, "tcp-push": 0x08, "tcp-ack": 0x10, "tcp-urg": 0x20,
	"tcp-ece": 0x40, "tcp-cwr": 0x80,
}
