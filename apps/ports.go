package apps

// byProto is the protocol of an IP protocol number that has no ports of its own. IPv6 in IPv4 counts as
// IP in IP.
func byProto(proto uint8) ID {
	switch proto {
	case 1:
		return idICMP
	case 2:
		return idIGMP
	case 4, 41:
		return idIPinIP
	case 8:
		return idEGP
	case 47:
		return idGRE
	case 50:
		return idESP
	case 51:
		return idAH
	case 58:
		return idICMPv6
	case 88:
		return idEIGRP
	case 89:
		return idOSPF
	case 103:
		return idPIM
	case 112:
		return idVRRP
	case 113:
		return idPGM
	case 115:
		return idL2TP
	case protoSCTP:
		return idSCTP
	}
	return Unknown
}

// tcpPorts and udpPorts hold the ports that say what a flow is: those that IANA assigned, and a few
// that everyone uses. They never change.
var tcpPorts = map[uint16]ID{
	20: idFTPData, 21: idFTPControl, 22: idSSH, 23: idTelnet, 25: idSMTP, 43: idWhois, 53: idDNS, 80: idHTTP,
	88: idKerberos, 102: idS7Comm, 110: idPOP3, 111: idRPC, 119: idUsenet, 135: idDCERPC, 139: idNetBIOS,
	143: idIMAP, 179: idBGP, 389: idLDAP, 427: idSLP, 443: idTLS, 445: idSMBv23, 465: idSMTPS, 502: idModbus,
	514: idSyslog, 548: idAFP, 554: idRTSP, 587: idSMTP, 601: idSyslog, 623: idRMCP, 631: idIPP, 636: idLDAP,
	853: idDoT, 873: idRSYNC, 989: idFTPS, 990: idFTPS, 993: idIMAPS, 995: idPOPS, 1080: idSOCKS, 1433: idMSSQL,
	1494: idCitrix, 1521: idOracle, 1720: idH323, 1723: idPPTP, 1883: idMQTT, 1935: idRTMP, 2000: idSkinny,
	2049: idNFS, 2404: idIEC60870, 2598: idCitrix, 2775: idSMPP, 3128: idHTTPProxy, 3268: idLDAP, 3306: idMySQL,
	3389: idRDP, 3868: idDiameter, 4222: idNATS, 4840: idOPCUA, 4949: idMunin, 5060: idSIP, 5061: idSIP,
	5222: idJabber, 5269: idJabber, 5432: idPostgreSQL, 5671: idAMQP, 5672: idAMQP, 5900: idVNC, 5901: idVNC,
	5938: idTeamViewer, 6379: idRedis, 6514: idSyslog, 6667: idIRC, 8009: idAJP, 8080: idHTTP, 8333: idBitcoin,
	8554: idRTSP, 8883: idMQTT, 9042: idCassandra, 9300: idElasticsearch, 9418: idGit, 10050: idZabbix,
	10051: idZabbix, 11211: idMemcached, 20000: idDNP3, 27017: idMongoDB, 30491: idSOMEIP, 30501: idSOMEIP,
	44818: idEthernetIP, 61613: idSTOMP,
}

var udpPorts = map[uint16]ID{
	53: idDNS, 67: idDHCP, 68: idDHCP, 69: idTFTP, 88: idKerberos, 111: idRPC, 123: idNTP, 137: idNetBIOS,
	138: idNetBIOS, 161: idSNMP, 162: idSNMP, 177: idXDMCP, 319: idPTP, 320: idPTP, 389: idLDAP, 427: idSLP,
	443: idQUIC, 500: idIPSec, 514: idSyslog, 520: idRIP, 521: idRIP, 546: idDHCPv6, 547: idDHCPv6, 554: idRTSP,
	623: idRMCP, 853: idQUIC, 1194: idOpenVPN, 1645: idRADIUS, 1646: idRADIUS, 1701: idL2TP, 1719: idH323,
	1812: idRADIUS, 1813: idRADIUS, 1900: idSSDP, 1985: idHSRP, 2029: idHSRP, 2049: idNFS, 2055: idNetFlow,
	2123: idGTPC, 2152: idGTPU, 2222: idCIP, 2427: idMGCP, 2727: idMGCP, 2944: idMegaco, 3386: idGTPPrime,
	3389: idRDP, 3478: idSTUN, 3544: idTeredo, 3671: idKNX, 3702: idWSD, 3784: idBFD, 4341: idLISP, 4342: idLISP,
	4500: idIPSec, 4569: idIAX, 4739: idNetFlow, 4784: idBFD, 4789: idVXLAN, 5004: idRTP, 5005: idRTCP,
	5060: idSIP, 5061: idSIP, 5246: idCAPWAP, 5247: idCAPWAP, 5351: idNATPMP, 5353: idMDNS, 5355: idLLMNR,
	5683: idCoAP, 5684: idCoAP, 5938: idTeamViewer, 6081: idGeneve, 6343: idSFlow, 6881: idBitTorrent,
	8472: idVXLAN, 8805: idPFCP, 9995: idNetFlow, 11211: idMemcached, 17500: idDropbox, 20000: idDNP3,
	25826: idCollectd, 27015: idSourceEngine, 30490: idSOMEIP, 30491: idSOMEIP, 30501: idSOMEIP,
	41641: idTailscale, 44818: idEthernetIP, 47808: idBACnet, 51820: idWireGuard, 57621: idSpotify,
}
