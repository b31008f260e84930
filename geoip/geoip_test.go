package geoip_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/internal/geoiptest"
)

func TestFind(t *testing.T) {
	asn, country := geoiptest.ASN(t), geoiptest.Country(t)
	d := new(geoip.DB)
	if err := errors.Join(d.OpenASN(asn), d.OpenCountry(country)); err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, f := range []string{asn, country} {
		st, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	if d.Bytes() != size {
		t.Errorf("%d bytes are told, the files have %d", d.Bytes(), size)
	}
	f := d.Finder()
	for range 2 { // once from the file, once from what is kept
		for addr, want := range map[string]geoip.Place{
			"198.51.100.7":        {64496, "Example Net", "DE"},
			"::ffff:198.51.100.7": {64496, "Example Net", "DE"},
			"203.0.113.255":       {64497, "<b>Test</b> Org", "FR"},
			"2001:db8::1":         {64498, "Six", "JP"},
			"192.0.2.1":           {},
			"10.0.0.1":            {},
			"fe80::1%eth0":        {},
		} {
			if got := f.Find(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s: %+v, want %+v", addr, got, want)
			}
		}
	}
	if got := f.Find(netip.Addr{}); got != (geoip.Place{}) {
		t.Errorf("no address: %+v", got)
	}
	only := new(geoip.DB)
	if err := only.OpenCountry(country); err != nil {
		t.Fatal(err)
	}
	if got := only.Finder().Find(netip.MustParseAddr("198.51.100.7")); got != (geoip.Place{Country: "DE"}) {
		t.Errorf("countries alone: %+v", got)
	}
}

func TestNone(t *testing.T) {
	d := new(geoip.DB)
	if got := d.Finder().Find(netip.MustParseAddr("198.51.100.7")); got != (geoip.Place{}) || d.Bytes() != 0 {
		t.Errorf("of no database: %+v", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	whole, err := os.ReadFile(geoiptest.ASN(t))
	if err != nil {
		t.Fatal(err)
	}
	file := func(b []byte) string {
		name := filepath.Join(t.TempDir(), "x.mmdb")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, c := range map[string]struct{ file, want string }{
		"missing":      {filepath.Join(t.TempDir(), "none.mmdb"), "no such file"},
		"empty":        {file(nil), "no database in MaxMind's format"},
		"text":         {file([]byte("192.0.2.0/24,64496\n")), "no database in MaxMind's format"},
		"end cut off":  {file(whole[:len(whole)-40]), "no database in MaxMind's format"},
		"begin cut":    {file(whole[len(whole)*3/4:]), "no database in MaxMind's format"},
		"other type":   {geoiptest.Country(t), `a database of type "GeoLite2-City": want one of autonomous systems`},
		"unknown type": {geoiptest.Write(t, "GeoIP2-Domain"), `"GeoIP2-Domain"`},
		"a folder":     {t.TempDir(), "want a regular file"},
	} {
		d := new(geoip.DB)
		err := d.OpenASN(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v, want %q and the file's name", name, err, c.want)
		}
		if asn, _ := d.Has(); asn {
			t.Errorf("%s: it is used", name)
		}
	}
}
