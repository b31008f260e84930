// Package engine runs the check scripts on their schedule, where they can do no harm.
//
// Scripts run in worker processes: the same binary, executed again with [WorkerArg] as its first
// argument, without privileges and under limits of the kernel (see [WorkerMain]). Each periodicity has
// a worker of its own, so that an hourly check delays none of a minute. The daemon sends a worker one
// snapshot a run and serves what its scripts ask; the worker announces each network before a check runs
// on it. When a limit is passed the daemon kills the worker, blames exactly the check that was
// announced, starts another and goes on with the next check.
//
// # What a script's calls promise
//
// Reads of engaged alerts and cached values are answered in the worker from what the daemon sent ahead,
// with the script's own changes over it. Changes go to the daemon with the result of the network that
// they were made on, in their order, and are given to [Store] many at a time. A check's run counts as a
// success, and the worker is told of it, after the store has taken them; what the store refused is
// counted, logged, and forgotten by the worker. Of a network whose run was cut short by a kill nothing is
// changed, but for what it had done before it asked for past alerts; the networks before it keep their
// changes.
//
// # What fails
//
// A check that reaches a limit or crashes is not run on the networks that remain of this run. A check
// of which a run failed (one network reached a limit, or all had errors) pauses for 1, 2, 4 and so on
// periods, an hour at most, and runs after all others; a success or a changed file ends that.
package engine
