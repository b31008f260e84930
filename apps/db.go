package apps

// mysql recognises the server's first packet: protocol 10 and a version string, or an error such as
// "host is blocked" on MySQL's port (MySQL internals, connection phase packets).
func mysql(p Packet) match {
	b := p.Payload
	if len(b) < 8 || b[3] != 0 {
		return match{}
	}
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	switch b[4] {
	case 10:
		if n < 30 || n > 512 || len(b) > 4+n || !isDigit(b[5]) {
			return match{}
		}
		for i, c := range b[5:] {
			if c == 0 {
				if i >= 3 {
					return sure(idMySQL)
				}
				break
			}
			if !isPrint(c) {
				break
			}
		}
	case 0xff:
		if p.SrcPort == 3306 && len(b) == 4+n {
			return sure(idMySQL)
		}
	}
	return match{}
}

// postgres recognises the start-up, cancel and encryption requests of a client (PostgreSQL
// documentation, message formats), and on PostgreSQL's port the server's authentication message.
func postgres(p Packet) match {
	b := p.Payload
	if len(b) < 8 {
		return match{}
	}
	n := be32(b, 0)
	switch code := be32(b, 4); {
	case n == 8 && (code == 80877103 || code == 80877104), n == 16 && code == 80877102:
		return sure(idPostgreSQL)
	case code == 3<<16 && n >= 9 && n <= 10000 && int(n) >= len(b) && len(b) > 9 && isPrint(b[8]):
		return sure(idPostgreSQL)
	}
	if p.SrcPort == 5432 && b[0] == 'R' && be32(b, 1) >= 8 && be32(b, 1) < 512 {
		return sure(idPostgreSQL)
	}
	return match{}
}

// redis recognises RESP: a client's command as an array of bulk strings, and on Redis's port the
// server's replies.
func redis(p Packet) match {
	b := p.Payload
	if b[0] == '*' {
		line, rest, whole := cutLine(b)
		if n := digits(line[1:]); whole && n > 0 && n < 8 && 1+n == len(line) &&
			len(rest) >= 2 && rest[0] == '$' && isDigit(rest[1]) {
			return sure(idRedis)
		}
		return match{}
	}
	if !p.on(6379) {
		return match{}
	}
	line := textLine(b)
	if len(line) < 2 {
		return match{}
	}
	switch b[0] {
	case '+', '-', ':', '$', '%', '_':
		return sure(idRedis)
	}
	if hasPrefixFold(line, "PING") || hasPrefixFold(line, "AUTH ") || hasPrefixFold(line, "INFO") {
		return sure(idRedis)
	}
	return match{}
}

// mongo recognises a message header of MongoDB's wire protocol: length, request ID, the request
// answered, and an operation code.
func mongo(p Packet) match {
	b := p.Payload
	if len(b) < 16+5 {
		return match{}
	}
	n := le32(b, 0)
	if n < 21 || n > 48_000_000 || int(n) != len(b) && !p.on(27017) {
		return match{}
	}
	switch op := le32(b, 12); {
	case op == 1 && int(n) >= 36 && le32(b, 8) != 0, // reply
		op >= 2001 && op <= 2007 && op != 2003, op == 2010, op == 2011, op == 2012, op == 2013:
		return sure(idMongoDB)
	}
	return match{}
}

// cassandra recognises a frame of the CQL binary protocol, version 3 to 5.
func cassandra(p Packet) match {
	b := p.Payload
	if len(b) < 9 || b[0]&0x7f < 3 || b[0]&0x7f > 5 || b[1] > 0x1f || b[4] > 0x10 {
		return match{}
	}
	n, opcode := int(be32(b, 5)), b[4]
	switch {
	case p.on(9042) && n <= 256<<20:
		return sure(idCassandra)
	case opcode == 1 && contains(b, "CQL_VERSION", 64), // STARTUP
		opcode == 5 && n == 0 && len(b) == 9 && be16(b, 2) < 16: // OPTIONS
		return sure(idCassandra)
	}
	return match{}
}

// oracle recognises a TNS packet: length, zero checksums and the packet's type; off Oracle's port only
// a connect descriptor.
func oracle(p Packet) match {
	b := p.Payload
	if len(b) < 8 || be16(b, 2) != 0 || be16(b, 6) != 0 || b[4] < 1 || b[4] > 19 || b[5]&^0x3c != 0 {
		return match{}
	}
	n := be16(b, 0)
	if n < 8 || n > len(b) && !p.on(1521) {
		return match{}
	}
	if p.on(1521) || b[4] == 1 && contains(b, "(DESCRIPTION=", 256) {
		return sure(idOracle)
	}
	return match{}
}

// tds recognises Microsoft SQL Server's TDS ([MS-TDS] section 2.2.3): off its port only a pre-login
// message, whose first option is the version.
func tds(p Packet) match {
	b := p.Payload
	if len(b) < 14 || b[1] > 1 || be16(b, 2) < 8 || b[7] != 0 {
		return match{}
	}
	n := be16(b, 2)
	if b[0] == 0x12 && n == len(b) && b[1] == 1 && b[8] == 0 && be16(b, 11) == 6 && be16(b, 9) >= 6 && be16(b, 9) < n-8 {
		return sure(idMSSQL)
	}
	if !p.on(1433) {
		return match{}
	}
	switch b[0] {
	case 1, 2, 3, 4, 6, 7, 14, 16, 17, 18:
		return sure(idMSSQL)
	}
	return match{}
}

// drda recognises DB2's EXCSAT, the first object that a client sends and the server answers.
func drda(p Packet) match {
	b := p.Payload
	if len(b) < 10 || b[2] != 0xd0 || be16(b, 0) < 10 || be16(b, 0) > len(b) {
		return match{}
	}
	if code := be16(b, 8); (code == 0x1041 || code == 0x1443) && be16(b, 6) <= be16(b, 0)-6 && be16(b, 6) >= 4 {
		return sure(idDRDA)
	}
	return match{}
}

var (
	memcachedCommands = []string{"get ", "gets ", "set ", "add ", "replace ", "append ", "prepend ", "cas ", "delete ", "incr ", "decr ", "touch ", "stats", "version", "flush_all", "mg ", "ms ", "mn", "verbosity "}
	memcachedReplies  = []string{"VALUE ", "STORED", "NOT_STORED", "END", "DELETED", "STAT ", "VERSION ", "ERROR", "NOT_FOUND", "EXISTS", "OK"}
)

// memcached recognises Memcached's text and binary protocols on its port, over UDP behind its 8-byte
// frame header.
func memcached(p Packet) match {
	b := p.Payload
	if !p.on(11211) {
		return match{}
	}
	if p.Proto == protoUDP {
		// request ID, sequence number, number of datagrams, reserved
		if len(b) < 9 || be16(b, 4) == 0 || be16(b, 2) >= be16(b, 4) || be16(b, 6) != 0 {
			return match{}
		}
		b = b[8:]
	}
	if (b[0] == 0x80 || b[0] == 0x81) && len(b) >= 24 && b[1] <= 0x25 {
		return sure(idMemcached)
	}
	line, _, whole := cutLine(b)
	if (whole || len(line) > 16) && printable(line) && (hasAnyPrefix(line, memcachedCommands) || hasAnyPrefix(line, memcachedReplies)) {
		return sure(idMemcached)
	}
	return match{}
}

// elasticsearch recognises the transport protocol between Elasticsearch nodes: "ES" and the length.
func elasticsearch(p Packet) match {
	b := p.Payload
	if len(b) < 19 || b[0] != 'E' || b[1] != 'S' || b[2] != 0 {
		return match{}
	}
	if n := int(be32(b, 2)); n == len(b)-6 || p.on(9300) && n >= 13 {
		return sure(idElasticsearch)
	}
	return match{}
}
