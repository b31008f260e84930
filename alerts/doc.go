// Package alerts keeps the alerts of local networks, engaged and past, and the small values that
// checks remember between runs.
//
// [Store] keeps them in a SQLite file below the data directory, [Mem] in memory alone; both are a
// [Sink] and behave alike. The life of an alert and all numbers are ntopng's: a check engages an alert
// under a [Key] (network, periodicity, "<alert id>@<subtype>"), of which there is at most one, and
// releases it later, which makes it a past alert; an alert without a state is recorded as past at once.
// The score says how severe it is, and weighs on its network.
//
// # What a call promises
//
// A change of a Store that returns without error has been committed and synced: neither kill -9 nor a
// loss of power undoes it (SQLite in WAL mode, synchronous FULL), and none is stored twice. The calls
// that wait at one time share one commit.
//
// The engaged alerts and the cached values also lie in memory, the working copy, from which they are
// answered. When the disk fails or is full, changes still happen there and wait in a bounded queue:
// such a call returns [ErrQueued], and what the queue cannot hold is dropped with [ErrFailing], and has
// then changed nothing. The Store tries again with growing pauses, writes the queue in its order as
// soon as it can, and tells about all of it in [Stats] and in the log.
//
// # Text
//
// Scripts and the wire decide what keys and texts hold. They are stored and given back byte for byte,
// NUL, quotes, HTML and invalid UTF-8 included, as SQLite TEXT through bound parameters; a text beyond
// its limit is refused with [ErrTooLarge]. Nothing is escaped here: who shows a text escapes it.
package alerts
