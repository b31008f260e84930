package metrics

import (
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/lua/engine"
)

// alerts gives what is known of alerts and where they are kept.
func (e *emitter) alerts(v *View) {
	s := v.Alerts
	if s == nil {
		return
	}
	var engaged [alerts.NumSeverities]int
	for _, severities := range s.Engaged {
		for i, n := range severities {
			engaged[i] += n
		}
	}
	for i, n := range engaged {
		e.value(alertsEngaged, float64(n), alerts.Severity(i).String())
	}
	e.count(alertsChanges, s.Engages, "engaged")
	e.count(alertsChanges, s.Releases, "released")
	e.count(alertsChanges, s.Records, "recorded")
	e.count(alertsChanges, s.Values, "value")
	for reason, n := range s.Refused {
		e.count(alertsRefused, n, reason)
	}
	e.value(alertsPast, float64(s.Rows))
	e.value(alertsCachedValues, float64(s.NumValues))
	e.value(alertsQueued, float64(s.Queued))
	e.value(alertsStoreFailing, boolean(s.Failing))
	e.summary(alertsStoreCommits, s.CommitSeconds, s.Commits)
	e.count(alertsStoreCommitErrors, s.CommitErrors)
	e.count(alertsStoreQueryErrors, s.QueryErrors)
	e.count(alertsStoreSetAside, s.SetAside)
	e.count(alertsTrimmed, s.Trimmed)
	e.value(alertsStoreBytes, float64(s.FileBytes))
}

// checks gives what is known of the checks and of the engine that runs them.
func (e *emitter) checks(v *View) {
	if v.Engine == nil {
		return
	}
	for i := range v.Checks {
		e.check(&v.Checks[i])
	}
	for o := engine.Failed; o < engine.Skipped; o++ {
		e.count(scriptWorkersLost, v.Engine.Restarts[o], o.String())
	}
	e.count(scriptWorkersRecycled, v.Engine.Recycled)
	e.count(scriptLateRuns, v.Engine.Late)
	e.count(scriptMissedPeriods, v.Engine.Missed)
	e.value(scriptFilesRefused, float64(v.Engine.Refused))
	e.count(scriptReloads, v.Engine.Reloads)
}

func (e *emitter) check(c *engine.CheckStatus) {
	key := clean(c.Key)
	e.value(checkInfo, 1, key, clean(c.File), strconv.FormatBool(c.Shipped), clean(c.Style))
	for s := range engine.NumStates {
		e.value(checkState, boolean(c.State == s), key, strings.ReplaceAll(s.String(), " ", "_"))
	}
	for o, n := range c.Runs {
		e.count(checkRuns, n, key, engine.Outcome(o).String())
	}
	var sum uint64
	buckets := make(map[float64]uint64, len(engine.DurationBuckets))
	for i, bound := range engine.DurationBuckets {
		sum += c.Durations[i]
		buckets[bound] = sum
	}
	sum += c.Durations[len(engine.DurationBuckets)]
	m, err := prometheus.NewConstHistogram(e.descs[checkDuration], sum, c.Spent.Seconds(), buckets, key)
	if err != nil { // as in value
		m = prometheus.NewInvalidMetric(e.descs[checkDuration], err)
	}
	e.ch <- m
	e.value(checkLastRun, unixSeconds(c.LastRun), key)
	e.value(checkLastSuccess, unixSeconds(c.LastSuccess), key)
	e.count(checkAlerts, c.Engaged, key, "engaged")
	e.count(checkAlerts, c.Released, key, "released")
	e.count(checkAlerts, c.Recorded, key, "recorded")
	e.count(checkChangesRefused, c.Refused, key)
	e.count(checkChangesQueued, c.Queued, key)
	e.count(checkWrongCalls, c.Misused, key)
	e.count(checkPrintDropped, c.PrintDropped, key)
}
