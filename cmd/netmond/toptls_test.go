package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// writeAuthority makes ca.pem of a private certificate authority, and cert.pem and key.pem of this machine that
// it has signed.
func writeAuthority(t *testing.T, dir string) {
	t.Helper()
	var issuer *x509.Certificate
	var issuerKey *ecdsa.PrivateKey
	for i, name := range []string{"ca.pem", "cert.pem"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		}
		if i == 0 {
			c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
			issuer, issuerKey = c, key
		} else {
			c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
		}
		der, err := x509.CreateCertificate(rand.Reader, c, issuer, &key.PublicKey, issuerKey)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{name: {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTopTLS looks at a netmond with a certificate of a private authority and a password, by top and by
// networks suggest.
func TestTopTLS(t *testing.T) {
	dir := t.TempDir()
	writeAuthority(t, dir)
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(config, []byte("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\nbasic_auth_users:\n  reader: "+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "-m", sampleNetworks, "--web.config.file", config, "--web.listen-address", address)
	superviseDaemonBy(t, cmd, (*exec.Cmd).Start)
	ca := filepath.Join(dir, "ca.pem")
	server := serverFlags{address: ptrTo("https://reader:s3cret@" + address), ca: &ca}
	base, client, err := server.client()
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { // another process: there is no event to wait for
		if r, err := client.Get(base + "/-/ready"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready after 20 s")
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--url", "https://reader:s3cret@" + address, "--tls-ca", ca}, exitOK, ""},
		{[]string{"--url", "https://reader:s3cret@" + address}, exitError, "--tls-ca names a private certificate authority"},
		{[]string{"--url", "https://reader:wrong@" + address, "--tls-ca", ca}, exitError, "401"},
		{[]string{"--url", "https://" + address, "--tls-ca", ca}, exitError, "401"},
		{[]string{"--url", "http://reader:s3cret@" + address}, exitError, "400"}, // TLS is spoken there
	} {
		for _, command := range [][]string{{"top", "-n", "1"}, {"networks", "suggest", "--format", "json"}} {
			var out, errw bytes.Buffer
			code := run(t.Context(), append(append([]string{}, command...), c.args...), nil, &out, &errw)
			if code != c.code || !strings.Contains(errw.String(), c.want) || strings.Contains(errw.String(), "s3cret") {
				t.Errorf("%v %v: exit code %d, %s; want %d and %q", command, c.args, code, errw.String(), c.code, c.want)
			}
			if code != exitOK {
				continue
			}
			if command[0] == "top" && !strings.Contains(out.String(), "office") || command[0] == "networks" && !json.Valid(out.Bytes()) {
				t.Errorf("%v: %s", command, out.String())
			}
		}
	}
}

func ptrTo[T any](v T) *T { return &v }
