//go:build !race

package localnets_test

const raceEnabled = false
