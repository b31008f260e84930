package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/geoiptest"
	"github.com/netmond/netmond/internal/pcaptest"
)

// TestLiveGeoIP: databases are read again under the sandbox, when an updater has put new ones in their place; one that
// is no database changes nothing.
func TestLiveGeoIP(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "netmond.yaml")
	install := func(from, name string) {
		t.Helper()
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "new"), string(b))
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const keys = "networks: [192.0.2.0/24]\ngeoip:\n  asn: asn.mmdb\n"
	install(geoiptest.ASN(t), "asn.mmdb")
	write(t, file, keys)
	d := startLive(t, "--config.file", file, "--no-checks")
	d.pair.A.Sender().Repeat(pcaptest.UDP("192.0.2.1:1000", "203.0.113.1:53", make([]byte, 100)), 3)
	d.waitMetric(`netmond_processed_packets_total`, 3)

	groups := func(by string) (status int, text string) {
		t.Helper()
		resp, err := d.client.Get("http://" + d.address + "/api/v1/remotes?by=" + by)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answer struct {
			Pairs []struct {
				ASN     uint32 `json:"asn"`
				Country string `json:"country"`
				Flows   int    `json:"flows"`
			} `json:"pairs"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, fmt.Sprint(answer.Pairs)
	}
	if status, text := groups("as"); status != http.StatusOK || text != "[{64497  1}]" {
		t.Errorf("by autonomous system: %d %s", status, text)
	}
	if status, _ := groups("country"); status != http.StatusBadRequest {
		t.Errorf("by country without a database: %d", status)
	}

	install(geoiptest.Country(t), "country.mmdb")
	install(geoiptest.ASN(t), "asn.mmdb")
	write(t, file, keys+"  country: country.mmdb\n")
	d.reload()
	if status, text := groups("country"); status != http.StatusOK || text != "[{0 FR 1}]" {
		t.Errorf("by country: %d %s", status, text)
	}

	write(t, filepath.Join(dir, "country.mmdb"), "no database")
	if status, body := d.post("/-/reload"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "netmond.yaml:4:12: ") || !strings.Contains(body, "country.mmdb: no database in MaxMind's format") {
		t.Errorf("reload of a broken database: %d %s", status, body)
	}
	if status, text := groups("country"); status != http.StatusOK || text != "[{0 FR 1}]" {
		t.Errorf("after a reload that failed: %d %s", status, text)
	}
}

// TestGeoIPFlags: check-config tells every file that is wrong, and how much there is of those that are right.
func TestGeoIPFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "netmond.yaml")
	var out, errw strings.Builder
	write(t, file, fmt.Sprintf("geoip:\n  asn: %s\n  country: none.mmdb\n", geoiptest.Country(t)))
	if code := run(t.Context(), []string{"check-config", file}, nil, &out, &errw); code == 0 {
		t.Error("it is valid")
	}
	for _, want := range []string{"netmond.yaml:2:8: ", `of type "GeoLite2-City": want one of autonomous systems`, "netmond.yaml:3:12: ", "none.mmdb: no such file"} {
		if !strings.Contains(errw.String(), want) {
			t.Errorf("%q is not told:\n%s", want, errw.String())
		}
	}
	errw.Reset()
	write(t, file, fmt.Sprintf("geoip:\n  asn: %s\n  country: %s\n", geoiptest.ASN(t), geoiptest.Country(t)))
	if code := run(t.Context(), []string{"check-config", file}, nil, &out, &errw); code != 0 || !strings.Contains(out.String(), "geoip  ") {
		t.Errorf("%d %s\n%s", code, out.String(), errw.String())
	}
}
