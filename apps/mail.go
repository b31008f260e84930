package apps

// Commands of clients that no other line protocol here has.
var (
	smtpCommands = []string{"EHLO ", "HELO ", "MAIL FROM:", "RCPT TO:", "LHLO "}
	ftpCommands  = []string{"FEAT", "SYST", "PASV", "EPSV", "TYPE ", "CWD ", "PORT ", "EPRT ", "AUTH TLS", "AUTH SSL", "PBSZ ", "MLSD", "XPWD", "CLNT "}
	pop3Commands = []string{"CAPA", "STLS", "APOP ", "UIDL", "XTND "}
	imapCommands = []string{"CAPABILITY", "LOGIN ", "STARTTLS", "AUTHENTICATE ", "SELECT ", "EXAMINE ", "ID (", "NOOP", "LOGOUT", "LIST ", "NAMESPACE", "UID ", "IDLE", "FETCH "}
)

// mail recognises the protocols that open with a server's line of text and go on with commands: SMTP
// (RFC 5321), FTP (RFC 959), POP3 (RFC 1939), IMAP (RFC 9051) and NNTP (RFC 3977). Greetings with code 220
// are SMTP's and FTP's alike: the port decides, then the words.
func mail(p Packet) match {
	line := textLine(p.Payload)
	if len(line) < 3 {
		return match{}
	}
	switch {
	case p.on(21):
		if ftpReply(line) || ftpCommand(line) {
			return sure(idFTPControl)
		}
	case p.on(25), p.on(587), p.on(2525), p.on(465):
		if ftpReply(line) || smtpCommand(line) || hasPrefixFold(line, "QUIT") {
			return sure(idSMTP)
		}
	case p.on(110):
		if hasPrefix(line, "+OK") || hasPrefix(line, "-ERR") || commandWord(line) {
			return sure(idPOP3)
		}
	case p.on(143):
		if hasPrefix(line, "* ") || imapCommand(line) {
			return sure(idIMAP)
		}
	case p.on(119), p.on(433):
		if ftpReply(line) || commandWord(line) {
			return sure(idUsenet)
		}
	}
	return mailAnywhere(line)
}

// mailAnywhere recognises what is clear on any port.
func mailAnywhere(line []byte) match {
	switch {
	case hasPrefix(line, "220") && ftpReply(line):
		switch {
		case contains(line, "SMTP", 512):
			return sure(idSMTP)
		case contains(line, "FTP", 512):
			return sure(idFTPControl)
		}
	case smtpCommand(line):
		return sure(idSMTP)
	case hasPrefix(line, "+OK ") && (contains(line, "POP", 512) || line[len(line)-1] == '>'):
		return sure(idPOP3)
	case hasPrefix(line, "* OK ") && contains(line, "IMAP", 512), imapCommand(line):
		return sure(idIMAP)
	case anyWord(line, ftpCommands):
		return sure(idFTPControl)
	case anyWord(line, pop3Commands):
		return sure(idPOP3)
	case hasPrefix(line, "MODE READER") && len(line) == 11:
		return sure(idUsenet)
	}
	return match{}
}

// ftpReply reports a reply line: a three-digit code from 100 to 599 and a space or hyphen.
func ftpReply(line []byte) bool {
	return len(line) >= 4 && digits(line[:4]) == 3 && '1' <= line[0] && line[0] <= '5' && (line[3] == ' ' || line[3] == '-')
}

// commandWord reports a line that begins with a word of three to eight letters.
func commandWord(line []byte) bool {
	n := 0
	for n < len(line) && isAlnum(line[n]) && !isDigit(line[n]) {
		n++
	}
	return n >= 3 && n <= 8 && (n == len(line) || line[n] == ' ')
}

func ftpCommand(line []byte) bool { return commandWord(line) }

func smtpCommand(line []byte) bool {
	for _, c := range smtpCommands {
		if hasPrefixFold(line, c) && len(line) > len(c) {
			return true
		}
	}
	return false
}

// anyWord reports whether line is one of words, or begins with one that ends in a space.
func anyWord(line []byte, words []string) bool {
	for _, w := range words {
		if hasPrefix(line, w) && (len(line) == len(w) || w[len(w)-1] == ' ') {
			return true
		}
	}
	return false
}

// imapCommand reports a client's line: a tag with a digit in it, a space and a known command.
func imapCommand(line []byte) bool {
	n, digit := 0, false
	for n < len(line) && n <= 16 && (isAlnum(line[n]) || line[n] == '.') {
		digit = digit || isDigit(line[n])
		n++
	}
	if !digit || n > 16 || n >= len(line) || line[n] != ' ' {
		return false
	}
	for _, c := range imapCommands {
		if hasPrefixFold(line[n+1:], c) {
			return true
		}
	}
	return false
}
