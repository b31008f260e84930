package apps

import "strings"

// The protocols, in alphabetical order of their constants. Their numbers are not stable; see ID.
const (
	idAFP ID = iota + 1
	idAH
	idAJP
	idAMQP
	idBACnet
	idBFD
	idBGP
	idBitcoin
	idBitTorrent
	idCAPWAP
	idCassandra
	idCIP
	idCitrix
	idCoAP
	idCollectd
	idCorba
	idDCERPC
	idDHCP
	idDHCPv6
	idDiameter
	idDNP3
	idDNS
	idDoT
	idDRDA
	idDropbox
	idDTLS
	idEGP
	idEIGRP
	idElasticsearch
	idESP
	idEthernetIP
	idFastCGI
	idFTPControl
	idFTPData
	idFTPS
	idGeneve
	idGit
	idGnutella
	idGRE
	idGTPC
	idGTPPrime
	idGTPU
	idH323
	idHAProxy
	idHSRP
	idHTTP
	idHTTP2
	idHTTPConnect
	idHTTPProxy
	idIAX
	idICMP
	idICMPv6
	idIEC60870
	idIGMP
	idIMAP
	idIMAPS
	idIPinIP
	idIPP
	idIPSec
	idIRC
	idJabber
	idKerberos
	idKNX
	idL2TP
	idLDAP
	idLISP
	idLLMNR
	idMDNS
	idMegaco
	idMemcached
	idMGCP
	idModbus
	idMongoDB
	idMPEGTS
	idMQTT
	idMSSQL
	idMunin
	idMySQL
	idNATPMP
	idNATS
	idNetBIOS
	idNetFlow
	idNFS
	idNTP
	idOPCUA
	idOpenVPN
	idOracle
	idOSPF
	idPFCP
	idPGM
	idPIM
	idPOP3
	idPOPS
	idPostgreSQL
	idPPTP
	idPTP
	idQUIC
	idRADIUS
	idRakNet
	idRDP
	idRedis
	idRIP
	idRMCP
	idRPC
	idRSYNC
	idRTCP
	idRTMP
	idRTP
	idRTPS
	idRTSP
	idS7Comm
	idS7CommPlus
	idSCTP
	idSFlow
	idSIP
	idSkinny
	idSLP
	idSMBv1
	idSMBv23
	idSMPP
	idSMTP
	idSMTPS
	idSNMP
	idSOCKS
	idSOMEIP
	idSourceEngine
	idSpotify
	idSSDP
	idSSH
	idSTOMP
	idSTUN
	idSyslog
	idTailscale
	idTeamViewer
	idTelnet
	idTeredo
	idTFTP
	idTLS
	idUsenet
	idVNC
	idVRRP
	idVXLAN
	idWebSocket
	idWhois
	idWireGuard
	idWSD
	idXDMCP
	idZabbix
	idZeroMQ

	numIDs
)

// names holds each protocol's nDPI spelling, indexed by ID. EIGRP, Geneve, L2TP and RIP have no
// name in nDPI and bear their usual one.
var names = []string{
	Unknown:         "Unknown",
	idAFP:           "AFP",
	idAH:            "AH",
	idAJP:           "AJP",
	idAMQP:          "AMQP",
	idBACnet:        "BACnet",
	idBFD:           "BFD",
	idBGP:           "BGP",
	idBitcoin:       "BITCOIN",
	idBitTorrent:    "BitTorrent",
	idCAPWAP:        "CAPWAP",
	idCassandra:     "Cassandra",
	idCIP:           "CIP",
	idCitrix:        "Citrix",
	idCoAP:          "COAP",
	idCollectd:      "collectd",
	idCorba:         "Corba",
	idDCERPC:        "DCE_RPC",
	idDHCP:          "DHCP",
	idDHCPv6:        "DHCPV6",
	idDiameter:      "Diameter",
	idDNP3:          "DNP3",
	idDNS:           "DNS",
	idDoT:           "DoH_DoT",
	idDRDA:          "DRDA",
	idDropbox:       "Dropbox",
	idDTLS:          "DTLS",
	idEGP:           "EGP",
	idEIGRP:         "EIGRP",
	idElasticsearch: "Elasticsearch",
	idESP:           "ESP",
	idEthernetIP:    "EthernetIP",
	idFastCGI:       "FastCGI",
	idFTPControl:    "FTP_CONTROL",
	idFTPData:       "FTP_DATA",
	idFTPS:          "FTPS",
	idGeneve:        "Geneve",
	idGit:           "Git",
	idGnutella:      "Gnutella",
	idGRE:           "GRE",
	idGTPC:          "GTP_C",
	idGTPPrime:      "GTP_PRIME",
	idGTPU:          "GTP_U",
	idH323:          "H323",
	idHAProxy:       "HAProxy",
	idHSRP:          "HSRP",
	idHTTP:          "HTTP",
	idHTTP2:         "HTTP2",
	idHTTPConnect:   "HTTP_Connect",
	idHTTPProxy:     "HTTP_Proxy",
	idIAX:           "IAX",
	idICMP:          "ICMP",
	idICMPv6:        "ICMPV6",
	idIEC60870:      "IEC60870",
	idIGMP:          "IGMP",
	idIMAP:          "IMAP",
	idIMAPS:         "IMAPS",
	idIPinIP:        "IP_in_IP",
	idIPP:           "IPP",
	idIPSec:         "IPSec",
	idIRC:           "IRC",
	idJabber:        "Jabber",
	idKerberos:      "Kerberos",
	idKNX:           "KNXnet_IP",
	idL2TP:          "L2TP",
	idLDAP:          "LDAP",
	idLISP:          "LISP",
	idLLMNR:         "LLMNR",
	idMDNS:          "MDNS",
	idMegaco:        "Megaco",
	idMemcached:     "Memcached",
	idMGCP:          "MGCP",
	idModbus:        "Modbus",
	idMongoDB:       "MongoDB",
	idMPEGTS:        "MPEG_TS",
	idMQTT:          "MQTT",
	idMSSQL:         "MsSQL-TDS",
	idMunin:         "Munin",
	idMySQL:         "MySQL",
	idNATPMP:        "NAT-PMP",
	idNATS:          "Nats",
	idNetBIOS:       "NetBIOS",
	idNetFlow:       "NetFlow",
	idNFS:           "NFS",
	idNTP:           "NTP",
	idOPCUA:         "OPC-UA",
	idOpenVPN:       "OpenVPN",
	idOracle:        "Oracle",
	idOSPF:          "OSPF",
	idPFCP:          "PFCP",
	idPGM:           "IP_PGM",
	idPIM:           "IP_PIM",
	idPOP3:          "POP3",
	idPOPS:          "POPS",
	idPostgreSQL:    "PostgreSQL",
	idPPTP:          "PPTP",
	idPTP:           "PTPv2",
	idQUIC:          "QUIC",
	idRADIUS:        "Radius",
	idRakNet:        "RakNet",
	idRDP:           "RDP",
	idRedis:         "Redis",
	idRIP:           "RIP",
	idRMCP:          "RMCP",
	idRPC:           "RPC",
	idRSYNC:         "RSYNC",
	idRTCP:          "RTCP",
	idRTMP:          "RTMP",
	idRTP:           "RTP",
	idRTPS:          "RTPS",
	idRTSP:          "RTSP",
	idS7Comm:        "s7comm",
	idS7CommPlus:    "S7CommPlus",
	idSCTP:          "SCTP",
	idSFlow:         "sFlow",
	idSIP:           "SIP",
	idSkinny:        "CiscoSkinny",
	idSLP:           "Service_Location_Protocol",
	idSMBv1:         "SMBv1",
	idSMBv23:        "SMBv23",
	idSMPP:          "SMPP",
	idSMTP:          "SMTP",
	idSMTPS:         "SMTPS",
	idSNMP:          "SNMP",
	idSOCKS:         "SOCKS",
	idSOMEIP:        "SOMEIP",
	idSourceEngine:  "Source_Engine",
	idSpotify:       "Spotify",
	idSSDP:          "SSDP",
	idSSH:           "SSH",
	idSTOMP:         "STOMP",
	idSTUN:          "STUN",
	idSyslog:        "Syslog",
	idTailscale:     "Tailscale",
	idTeamViewer:    "TeamViewer",
	idTelnet:        "Telnet",
	idTeredo:        "Teredo",
	idTFTP:          "TFTP",
	idTLS:           "TLS",
	idUsenet:        "Usenet",
	idVNC:           "VNC",
	idVRRP:          "VRRP",
	idVXLAN:         "VXLAN",
	idWebSocket:     "WebSocket",
	idWhois:         "Whois-DAS",
	idWireGuard:     "WireGuard",
	idWSD:           "WSD",
	idXDMCP:         "XDMCP",
	idZabbix:        "Zabbix",
	idZeroMQ:        "ZeroMQ",
}

// String is the protocol's name as nDPI spells it.
func (id ID) String() string {
	if int(id) < len(names) {
		return names[id]
	}
	return names[Unknown]
}

// Names returns all names indexed by ID; the caller must not change it.
func Names() []string { return names }

// Lookup finds a protocol by its name, in any case.
func Lookup(name string) (ID, bool) {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return ID(i), true
		}
	}
	return Unknown, false
}
