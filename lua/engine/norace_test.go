//go:build !race

package engine

import "time"

// lateness is how long after its limit a script may end.
const lateness = 500 * time.Millisecond

// raceDetector is whether it runs: it takes memory of its own, with which limits are reached earlier.
const raceDetector = false
