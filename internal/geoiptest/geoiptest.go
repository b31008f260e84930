// Package geoiptest makes small databases for tests.
package geoiptest

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// ASN writes a database of autonomous systems: 198.51.100.0/24 is AS64496, 203.0.113.0/24 AS64497, 2001:db8::/32 AS64498.
func ASN(t testing.TB) string {
	return write(t, "GeoLite2-ASN", map[string]mmdbtype.Map{
		"198.51.100.0/24": as(64496, "Example Net"), "203.0.113.0/24": as(64497, "<b>Test</b> Org"), "2001:db8::/32": as(64498, "Six"),
	})
}

// Country writes a database of countries: 198.51.100.0/24 lies in DE, 203.0.113.0/24 is registered in FR, 2001:db8::/32
// lies in JP.
func Country(t testing.TB) string {
	code := func(key, code string) mmdbtype.Map {
		return mmdbtype.Map{mmdbtype.String(key): mmdbtype.Map{"iso_code": mmdbtype.String(code)}}
	}
	return write(t, "GeoLite2-City", map[string]mmdbtype.Map{
		"198.51.100.0/24": code("country", "DE"), "203.0.113.0/24": code("registered_country", "FR"), "2001:db8::/32": code("country", "JP"),
	})
}

// Write writes a database of any type.
func Write(t testing.TB, kind string) string { return write(t, kind, nil) }

func as(number uint32, name string) mmdbtype.Map {
	return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number), "autonomous_system_organization": mmdbtype.String(name)}
}

func write(t testing.TB, kind string, records map[string]mmdbtype.Map) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for cidr, record := range records {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), kind+".mmdb")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}
