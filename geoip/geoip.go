// Package geoip tells the autonomous system and the country of an address, from databases in MaxMind's format.
// The whole file is in memory: what happens to it on the disk later changes nothing until it is opened again.
package geoip

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// maxFile bounds a database, bytes: the largest that are sold have about half of it.
const maxFile = 1 << 30

// A DB answers for the databases that were opened. It may be used by any goroutine once all are; the zero DB knows
// nothing.
type DB struct {
	asn, country *maxminddb.Reader
	bytes        int64
}

// Place is what is known of an address; zero values are unknown.
type Place struct {
	ASN     uint32
	AS      string // name of the autonomous system
	Country string // ISO 3166-1 code of two letters
}

// OpenASN reads a database of autonomous systems. An error names the file.
func (d *DB) OpenASN(file string) error {
	return d.open(&d.asn, file, "autonomous systems (ASN or ISP)", "ASN", "ISP")
}

// OpenCountry reads a database of countries. An error names the file.
func (d *DB) OpenCountry(file string) error {
	return d.open(&d.country, file, "countries (Country, City or Enterprise)", "Country", "City", "Enterprise")
}

// open opens a file for what; one of kinds is a part of the name of its type.
func (d *DB) open(to **maxminddb.Reader, file, what string, kinds ...string) error {
	r, n, err := open(file)
	if err != nil {
		return err
	}
	kind := r.Metadata.DatabaseType
	if !slices.ContainsFunc(kinds, func(k string) bool { return strings.Contains(kind, k) }) {
		return fmt.Errorf("%s: a database of type %.60q: want one of %s", file, kind, what)
	}
	*to, d.bytes = r, d.bytes+n
	return nil
}

func open(file string) (*maxminddb.Reader, int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !st.Mode().IsRegular() || st.Size() > maxFile {
		return nil, 0, fmt.Errorf("%s: want a regular file of at most %d bytes", file, maxFile)
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, 0, fmt.Errorf("%s: read: %w", file, err)
	}
	r, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: no database in MaxMind's format, or a part of one: %w", file, err)
	}
	return r, st.Size(), nil
}

// Bytes is the memory that the databases take.
func (d *DB) Bytes() int64 { return d.bytes }

// Has tells which databases are open.
func (d *DB) Has() (asn, country bool) { return d.asn != nil, d.country != nil }

// A Finder looks addresses up and keeps what it found, for many addresses lie in few records. One goroutine may use
// it, for as long as one request takes.
type Finder struct {
	db        *DB
	systems   map[uintptr]system // by the place of the record
	countries map[uintptr]string
}

type system struct {
	number uint32
	name   string
}

// Finder makes one.
func (d *DB) Finder() *Finder {
	return &Finder{db: d, systems: map[uintptr]system{}, countries: map[uintptr]string{}}
}

// maxKept bounds the records that a Finder keeps.
const maxKept = 1 << 16

// Find tells what is known of an address. A damaged record is one that is not there.
func (f *Finder) Find(a netip.Addr) (p Place) {
	p.ASN, p.AS = f.AS(a)
	p.Country = f.Country(a)
	return p
}

// AS is the autonomous system of an address; 0 when it is unknown.
func (f *Finder) AS(a netip.Addr) (number uint32, name string) {
	if f.db.asn == nil {
		return 0, ""
	}
	r := f.db.asn.Lookup(plain(a))
	if !r.Found() {
		return 0, ""
	}
	s, ok := f.systems[r.Offset()]
	if !ok {
		var record struct {
			Number uint32 `maxminddb:"autonomous_system_number"`
			Name   string `maxminddb:"autonomous_system_organization"`
		}
		if r.Decode(&record) == nil {
			s = system{record.Number, strings.ToValidUTF8(record.Name, "�")}
		}
		keep(f.systems, r.Offset(), s)
	}
	return s.number, s.name
}

// Country is the code of an address's country, where it is, else where it is registered; empty when both are unknown.
func (f *Finder) Country(a netip.Addr) string {
	if f.db.country == nil {
		return ""
	}
	r := f.db.country.Lookup(plain(a))
	if !r.Found() {
		return ""
	}
	code, ok := f.countries[r.Offset()]
	if !ok {
		type place struct {
			Code string `maxminddb:"iso_code"`
		}
		var record struct {
			Country    place `maxminddb:"country"`
			Registered place `maxminddb:"registered_country"`
		}
		if r.Decode(&record) == nil {
			if code = record.Country.Code; code == "" {
				code = record.Registered.Code
			}
			if !isCode(code) {
				code = ""
			}
		}
		keep(f.countries, r.Offset(), code)
	}
	return code
}

func isCode(s string) bool {
	return len(s) == 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func keep[V any](m map[uintptr]V, key uintptr, v V) {
	if len(m) >= maxKept {
		clear(m)
	}
	m[key] = v
}
