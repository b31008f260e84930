//go:build !linux

package engine

func confineThread([]string) error { return nil }

func confineProcess() {}
