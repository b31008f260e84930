package engine

import "github.com/netmond/netmond/alerts"

// A Store keeps alerts and cached values, and takes changes many at a time so that they can share a
// commit. Apply makes them in their order and gives a result for each; they are durable when it
// returns, but for those with alerts.ErrQueued. alerts.Store is one, and alerts.Mem for replays.
type Store interface {
	alerts.Reader
	CachedValue(network string, namespace int, key string) string
	Apply(ops []alerts.Op) []alerts.Result
}
