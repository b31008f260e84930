//go:build race

package engine

import "time"

// lateness is how long after its limit a script may end: the race detector makes the steps between
// two looks at the clock some ten times slower.
const lateness = 5 * time.Second

// raceDetector is whether it runs: it takes memory of its own, with which limits are reached earlier.
const raceDetector = true
