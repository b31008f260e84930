package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// putCertificate puts a certificate of localhost with this serial number into dir, as programs that renew
// certificates do: a new file takes the old one's name.
func putCertificate(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		fresh := filepath.Join(dir, name+".new")
		if err := os.WriteFile(fresh, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSandboxCertificates serves TLS out of the sandbox: a certificate that is replaced meanwhile is that of the
// next connection.
func TestSandboxCertificates(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	putCertificate(t, dir, 1)
	file := filepath.Join(dir, "web.yml")
	if err := os.WriteFile(file, []byte("tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(netmondBinary(t), "run", "-r", "testdata/office.pcap", "--web.listen-address", address, "--web.config.file", file)
	superviseDaemonBy(t, cmd, (*exec.Cmd).Start)
	serial := func() (int64, error) {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // which one it is, is what is asked
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	await := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) { // another process
			got, err := serial()
			if err == nil && got == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("certificate %d, %v, want %d", got, err, want)
			}
		}
	}
	await(1)
	putCertificate(t, dir, 2)
	await(2)
	checkConfined(t, "daemon", cmd.Process.Pid, nil)
}

// TestSandboxSocketActivation serves on a socket that systemd has opened.
func TestSandboxSocketActivation(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // the file stays
	defer socket.Close()
	// The variable names the process that the socket is for, which only it knows before the program runs.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, netmondBinary(t), "run", "-r", "testdata/office.pcap", "--web.systemd-socket")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{socket}
	superviseDaemonBy(t, cmd, (*exec.Cmd).Start)
	waitReady(t, address)
	r, err := http.Get(fmt.Sprintf("http://%s/api/v1/networks", address))
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", r, err)
	}
	r.Body.Close()
	checkConfined(t, "daemon", cmd.Process.Pid, nil)
}
