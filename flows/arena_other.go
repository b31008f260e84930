//go:build !linux

package flows

const canMap = false

func mapHuge(int) []byte { return nil }

func unmap([]byte) {}
