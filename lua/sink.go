package lua

// An AlertKey names an engaged alert: there is at most one of each.
type AlertKey struct {
	Network     string // canonical CIDR
	Periodicity Periodicity
	Key         string // "<alert id>@<subtype>" unless the script chose another
}

// An Alert is one alert of a local network.
type Alert struct {
	AlertKey
	NetworkID   int32
	NetworkName string // as configured
	ID          int    // ntopng's number of the alert's type
	Subtype     string
	Score       int   // 0 to 250
	Time        int64 // engaged or recorded at, seconds since the Unix epoch
	End         int64 // released at; 0 while engaged
	JSON        string
	IP, Name    string // as given by the script, or empty
	Port        int
	Check       string // key of the check, or empty outside of one
	Category    int    // ntopng's number of the check's category
	Description string // what the alert's class makes of it for people, or empty

	// Set by the sink; an alert given to it has them zero.
	RowID  int64 // unique and rising
	Status AlertStatus
	Label  string // of the person who acknowledged it
}

// An AlertView is what stats tables show of a network's alerts.
type AlertView struct {
	Engaged                                int
	ScoreClient, ScoreServer               float64
	AlertedFlowsClient, AlertedFlowsServer uint64
}

// AlertSink is the alert engine behind the scripts' calls. A VM calls it from its own goroutine.
// Errors say why something was refused (a quota, a full store); the script gets nil and a warning.
type AlertSink interface {
	AlertWriter
	AlertReader
	ValueCache
}

// An AlertWriter changes alerts.
type AlertWriter interface {
	// Engage makes a engaged. Where its key is engaged already it changes nothing, and fresh is false.
	Engage(a Alert) (fresh bool, err error)
	// Release ends an engaged alert and gives it as it was, with End set; false when it is not engaged.
	Release(key AlertKey, end int64) (Alert, bool, error)
	// Record notes an alert that has no state.
	Record(a Alert) error
}

// An AlertReader answers about alerts.
type AlertReader interface {
	// Query lists the alerts of a network that f selects, and how many there are beside the page.
	Query(network string, f AlertFilter) (page []Alert, total int)
	// AlertView sums up the alerts of a network.
	AlertView(network string) AlertView
}

// A ValueCache keeps the small values that checks remember between runs, per network and namespace,
// which is a Periodicity or 5.
type ValueCache interface {
	// CachedValue is empty for a key that was never set.
	CachedValue(network string, namespace int, key string) string
	SetCachedValue(network string, namespace int, key, value string) error
}
