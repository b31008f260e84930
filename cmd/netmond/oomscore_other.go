//go:build !linux

package main

// An oomScore is for Linux alone.
type oomScore struct{}

func openOOMScore() *oomScore { return nil }

func (*oomScore) spawn(start func() error) error { return start() }
