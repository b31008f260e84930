//go:build !linux

package main

import "runtime"

// examine finds that there is no live capture on this system.
func examine([]string) (*diagnosis, error) {
	return &diagnosis{
		System:     runtime.GOOS + " " + runtime.GOARCH + ": live capture needs Linux; capture files can be read here",
		Interfaces: []interfaceHealth{}, Advice: []string{},
	}, nil
}
