// Package history keeps what the networks did over time, for charts: for each local network, and for
// all traffic together, series of fixed steps and lengths, from seconds over a quarter of an hour to
// quarters of an hour over a year.
//
// Memory has a bound. With a data directory the series live in a file with a bound of its own and
// outlast the process; one that is killed loses what was recorded since the last flush, 10 s at most.
// Without a directory all is kept in memory and the longest series get shorter.
//
// The package never reads the clock: time comes with each sample. Values are rounded: within 0.05 %,
// and in what is older than the last points of steps from a minute on, within 0.4 %; small ones are exact.
package history
