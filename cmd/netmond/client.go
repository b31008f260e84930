package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// askTimeout bounds a question to a running netmond.
const askTimeout = 10 * time.Second

// serverFlags name a running netmond.
type serverFlags struct {
	address *string
	ca      *string
	set     bool // --url was given
}

// addServerFlags adds --url and --tls-ca.
func addServerFlags(cmd flagGroup) *serverFlags {
	f := &serverFlags{}
	f.address = cmd.Flag("url", "A running netmond's address, with user:password@ where it asks for them.").
		Default("http://" + defaultListen).IsSetByUser(&f.set).String()
	f.ca = cmd.Flag("tls-ca", "File of the certificate authorities (PEM) that an https --url is checked by, instead of the system's.").
		PlaceHolder("FILE").String()
	return f
}

// client is the address without a slash at its end, and what asks it. The errors are of the command line.
func (f *serverFlags) client() (base string, c *http.Client, err error) {
	base = strings.TrimSuffix(*f.address, "/")
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", nil, usageError{fmt.Errorf("--url %s: want an address such as http://%s", hidden(*f.address), defaultListen)}
	}
	c = &http.Client{Timeout: askTimeout}
	if *f.ca == "" {
		return base, c, nil
	}
	if u.Scheme != "https" {
		return "", nil, usageError{errors.New("--tls-ca: --url is not https")}
	}
	pem, err := os.ReadFile(*f.ca)
	if err != nil {
		return "", nil, usageError{fmt.Errorf("--tls-ca: %w", err)}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return "", nil, usageError{fmt.Errorf("--tls-ca %s: no certificate (PEM) in it", *f.ca)}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	c.Transport = t
	return base, c, nil
}

// hidden is an address without the password that may be in it, even where it cannot be parsed.
func hidden(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = "***@" + rest[i+1:]
	}
	return scheme + rest
}

// notServing says what to do where nobody listens, or where the server is not trusted.
func (f *serverFlags) notServing(err error) error {
	var op *net.OpError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("no netmond answers at %s: start one (netmond, or netmond demo), or give --url, -i IFACE or -r FILE: %w", hidden(*f.address), err)
	case errors.As(err, &unknown) && *f.ca == "":
		return fmt.Errorf("%w (--tls-ca names a private certificate authority)", err)
	}
	return err
}
