package main

import "net"

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
