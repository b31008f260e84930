package metrics

// reloads tells how often the configuration was read again. r may be nil.
func (e *emitter) reloads(r *Reloads) {
	if r == nil {
		return
	}
	e.value(configLastOK, boolean(!r.LastFailed))
	e.value(configLastSuccess, unixSeconds(r.LastSuccess))
	e.count(configReloads, r.Succeeded, "success")
	e.count(configReloads, r.Failed, "failure")
}
