package localnets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
)

const (
	maxListErrors = 20       // errors that ParseList spells out; further ones are counted
	maxListFaults = 10_000   // errors after which it stops reading
	maxListFile   = 64 << 20 // bytes of a list file
	maxNetworks   = 1 << 20  // networks in a list
)

// ParseList reads ntopng's -m syntax from each spec in turn and appends what it finds.
//
// A spec is a comma separated list of entries, or the path of a file of such lists. An entry is CIDR
// or CIDR=alias; @PATH, or the path of an existing regular file, may stand in place of an entry. A
// spec that reads as a CIDR is one, even if a file has that name (write ./NAME or @NAME then). In a
// file, # begins a comment, and blanks and quotes are removed wherever they stand; on the command
// line an alias keeps its inner blanks.
//
// A CIDR is address/length, an address alone (/32 or /128), or an IPv4 address with a dotted mask.
// Prefixes are canonical in the result: host bits are cleared, and an IPv4-mapped IPv6 prefix of /96
// or longer is its IPv4 prefix; Name keeps the text as written. A prefix that occurs twice in this
// form is refused. An alias has at most 63 bytes, all printable; it need not be unique.
//
// The error joins all faults, each with its place: the first 20 and the number of the others, of
// which it counts no more than 10,000.
func ParseList(specs []string) ([]Network, error) {
	l := listParser{seen: make(map[netip.Prefix]place)}
	for i, spec := range specs {
		at := place{source: "-m"}
		if len(specs) > 1 {
			at.source = fmt.Sprintf("-m %d", i+1)
		}
		l.spec(spec, at)
	}
	if len(specs) == 0 {
		l.fail(place{source: "-m"}, errors.New("no networks"))
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.networks, nil
}

// An Entry is a network of a list that somebody else has read.
type Entry struct {
	CIDR, Alias string // as ParseList takes them; no alias is ""
	At          string // where it stands, for errors
}

// ParseEntries reads entries, and after them list files, by the rules of ParseList.
func ParseEntries(entries []Entry, files []string) ([]Network, error) {
	l := listParser{seen: make(map[netip.Prefix]place)}
	for _, e := range entries {
		if l.hopeless() {
			break
		}
		cidr := strings.TrimSpace(e.CIDR)
		p, err := parseCIDR(cidr)
		l.add(Network{Prefix: p, Name: cidr, Alias: e.Alias}, e.Alias != "", err, place{source: e.At})
	}
	for _, file := range files {
		l.file(file, place{source: file})
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.networks, nil
}

// A place is where an entry stands.
type place struct {
	source string // file, or the option
	line   int    // from 1; 0 for the command line
	entry  int    // from 1 in its line; 0 when it is the only one
}

func (p place) String() string {
	s := p.source
	if p.line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.line)
	}
	if p.entry > 0 {
		s = fmt.Sprintf("%s entry %d", s, p.entry)
	}
	return s
}

type listParser struct {
	networks []Network
	seen     map[netip.Prefix]place
	errs     []error
	failed   int // faults, those beyond errs included
}

// full says that no further fault will be spelled out, so that its text need not be made.
func (l *listParser) full() bool { return len(l.errs) >= maxListErrors }

// hopeless says that there is no point in reading on.
func (l *listParser) hopeless() bool { return l.failed >= maxListFaults }

func (l *listParser) fail(at place, err error) {
	l.failed++
	if !l.full() {
		l.errs = append(l.errs, fmt.Errorf("%v: %w", at, err))
	}
}

func (l *listParser) err() error {
	errs := l.errs
	switch more := l.failed - len(l.errs); {
	case l.hopeless():
		errs = append(errs, fmt.Errorf("and %d further errors; what follows was not read", more))
	case more > 0:
		errs = append(errs, fmt.Errorf("and %d further errors", more))
	}
	return errors.Join(errs...)
}

// spec reads one element of the command line.
func (l *listParser) spec(spec string, at place) {
	// A path may hold commas, so the whole is tried as one before it is cut up. A list whose first
	// entry reads as a CIDR is a list, whatever files there are.
	path, marked := strings.CutPrefix(spec, "@")
	if (marked || !startsWithCIDR(spec)) && isRegular(path) {
		l.file(path, at)
		return
	}
	several := strings.Contains(spec, ",")
	i := 0
	for entry := range strings.SplitSeq(spec, ",") {
		i++
		if several {
			at.entry = i
		}
		if l.hopeless() {
			return
		}
		l.entry(entry, at)
	}
}

// startsWithCIDR reports whether the first entry of spec is a network.
func startsWithCIDR(spec string) bool {
	first, _, _ := strings.Cut(spec, ",")
	cidr, _, _ := strings.Cut(first, "=")
	_, err := parseCIDR(unblank(cidr))
	return err == nil
}

// entry reads one entry of the command line, which may be a file.
func (l *listParser) entry(entry string, at place) {
	trimmed := strings.TrimSpace(entry)
	if path, ok := strings.CutPrefix(trimmed, "@"); ok {
		l.file(path, at)
		return
	}
	cidr, alias, hasAlias := strings.Cut(entry, "=")
	cidr = unblank(cidr)
	p, err := parseCIDR(cidr)
	if err != nil {
		if isRegular(trimmed) {
			l.file(trimmed, at)
			return
		}
		if pathLike(trimmed) {
			err = notAFile(trimmed, err)
		}
	}
	alias = strings.TrimSpace(unquote.Replace(alias))
	l.add(Network{Prefix: p, Name: cidr, Alias: alias}, hasAlias, err, at)
}

// pathLike reports whether s, which is no CIDR, was rather meant as a path than as an address.
func pathLike(s string) bool {
	s, _, _ = strings.Cut(s, "=")
	addr, _, slash := strings.Cut(s, "/")
	addr, _, _ = strings.Cut(addr, "%")
	return slash && addr == "" || strings.HasPrefix(addr, ".") ||
		strings.ContainsFunc(addr, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) })
}

// notAFile says why path, which as a CIDR gave err, cannot be read as a file either.
func notAFile(path string, err error) error {
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(statErr, os.ErrNotExist):
		return fmt.Errorf("%q is neither a network nor a file: %w", clip(path), err)
	case statErr != nil:
		return fmt.Errorf("%q is neither a network (%w) nor a readable file: %w", clip(path), err, statErr)
	case info.IsDir():
		return fmt.Errorf("%q is a directory, neither a network nor a file", clip(path))
	}
	return fmt.Errorf("%q is not a regular file", clip(path))
}

// add takes a network whose CIDR gave err, or counts why it cannot be.
func (l *listParser) add(n Network, hasAlias bool, err error, at place) {
	if err == nil && hasAlias {
		err = checkAlias(n.Alias)
	}
	if err != nil {
		l.fail(at, err)
		return
	}
	if first, dup := l.seen[n.Prefix]; dup {
		if l.full() {
			l.failed++
			return
		}
		as := ""
		if n.Name != n.Prefix.String() {
			as = fmt.Sprintf(" (as %s)", clip(n.Name))
		}
		l.fail(at, fmt.Errorf("network %s is given twice%s, first at %v", n.Prefix, as, first))
		return
	}
	if len(l.networks) >= maxNetworks {
		l.fail(at, fmt.Errorf("more than %d networks", maxNetworks))
		return
	}
	n.ID = int32(len(l.networks))
	l.seen[n.Prefix] = at
	l.networks = append(l.networks, n)
}

// file reads a file of lists; from is where it was named.
func (l *listParser) file(path string, from place) {
	data, err := readList(path)
	if err != nil {
		l.fail(from, err)
		return
	}
	before, failed := len(l.networks), l.failed
	for line := 1; len(data) > 0 && !l.hopeless(); line++ {
		var text []byte
		text, data, _ = bytes.Cut(data, []byte("\n"))
		l.line(string(text), place{source: path, line: line})
	}
	if len(l.networks) == before && l.failed == failed {
		l.fail(from, fmt.Errorf("%s: no networks in this file", path))
	}
}

// line reads one line of a file. A comma at its end, as lists over many lines have, is no entry.
func (l *listParser) line(text string, at place) {
	text, _, _ = strings.Cut(text, "#")
	text = unblank(text)
	text = strings.TrimSuffix(text, ",")
	if text == "" {
		return
	}
	several := strings.Contains(text, ",")
	i := 0
	for entry := range strings.SplitSeq(text, ",") {
		i++
		if several {
			at.entry = i
		}
		if l.hopeless() {
			return
		}
		cidr, alias, hasAlias := strings.Cut(entry, "=")
		p, err := parseCIDR(cidr)
		l.add(Network{Prefix: p, Name: cidr, Alias: alias}, hasAlias, err, at)
	}
}

// readList reads a list file whole, without a byte order mark.
func readList(path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New("no file name after @")
	}
	// Stat first: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("network list: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("network list %s: not a regular file", path)
	}
	if info.Size() > maxListFile {
		return nil, fmt.Errorf("network list %s: larger than %d MiB", path, maxListFile>>20)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("network list: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxListFile)) // it may have grown since
	if err != nil {
		return nil, fmt.Errorf("network list: %w", err)
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return nil, fmt.Errorf("network list %s: is UTF-16; save it as UTF-8", path)
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

var (
	unquote = strings.NewReplacer(`"`, "", "'", "")
	blanks  = strings.NewReplacer(`"`, "", "'", "", " ", "", "\t", "", "\r", "", "\n", "", "\v", "", "\f", "")
)

// unblank removes blanks and quotes, which ntopng's list files may have anywhere.
func unblank(s string) string {
	if !strings.ContainsAny(s, "\"' \t\r\n\v\f") {
		return s
	}
	return blanks.Replace(s)
}
