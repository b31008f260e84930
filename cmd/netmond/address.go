package main

import (
	"net"
	"strings"

	toolkit "github.com/prometheus/exporter-toolkit/web"
)

// defaultListen is where netmond serves unless told otherwise.
const defaultListen = "127.0.0.1:19991"

// shownAddress is where a browser on this machine finds a server that listens on address.
func shownAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// pageURL is where a browser on this machine finds the page of a server: by https where the web configuration
// has a certificate.
func pageURL(listen *toolkit.FlagConfig) string {
	scheme := "http://"
	if listen.WebConfigFile != nil && *listen.WebConfigFile != "" {
		if files, err := tlsFiles(*listen.WebConfigFile); err == nil && len(files) > 0 {
			scheme = "https://"
		}
	}
	for _, address := range *listen.WebListenAddresses {
		if !strings.HasPrefix(address, "vsock://") {
			return scheme + shownAddress(address) + "/"
		}
	}
	return scheme + shownAddress(defaultListen) + "/"
}
