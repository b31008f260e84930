package lua

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// A SharedKind is a namespace of a SharedStore.
type SharedKind uint8

// The kinds: the values of ntop.setCache and setPref, the fields of ntop.setHashCache, the members of
// ntop.setMembersCache, whose value is empty, and what network.resetTrafficBetweenNets noted, which no
// function of a script names.
const (
	SharedValue SharedKind = iota
	SharedHash
	SharedSet
	sharedBaseline
)

// A SharedKey names a value. Field is empty for a SharedValue.
type SharedKey struct {
	Kind        SharedKind
	Name, Field string
}

// A SharedEntry is a value with its key.
type SharedEntry struct {
	SharedKey
	Value string
}

// A SharedStore is what ntopng's scripts have Redis for: preferences and caches that all checks of a
// process share. VMs call it from their goroutines. Times are ns since the Unix epoch, by the clock
// that scripts see.
type SharedStore interface {
	// Load gives a value that has not expired by now.
	Load(key SharedKey, now int64) (string, bool)
	// Store sets a value until the time given, 0 meaning for ever. A new one weighs on the quota of
	// owner, a check's key. Errors say which bound refused it.
	Store(owner string, key SharedKey, value string, now, until int64) error
	// Delete removes a value, if it is there.
	Delete(key SharedKey)
	// Scan gives the entries of one kind, in the order of their keys: those with this name, or with a
	// name that begins with it when prefix is set.
	Scan(kind SharedKind, name string, prefix bool, now int64) []SharedEntry
}

// Bounds of a SharedMem.
const (
	maxSharedBytes    = 64 << 10 // of one value with its key
	maxOwnerValues    = 10_000
	maxOwnerBytes     = 4 << 20
	maxSharedTotal    = 64 << 20
	sharedValueWeight = 100 // bytes that a value costs beside its text, about
)

// ErrSharedFull is wrapped when a bound of a SharedMem refused a value.
var ErrSharedFull = errors.New("too many shared values")

// A SharedMem is a SharedStore in memory. Many goroutines may use it.
type SharedMem struct {
	mu     sync.Mutex // guards all below
	values map[SharedKey]sharedValue
	owners map[string]sharedUse
	bytes  int
	expiry int64 // no value expires before; 0 when none does
}

type sharedValue struct {
	text  string
	until int64
	owner string
}

type sharedUse struct{ count, bytes int }

// NewSharedMem makes an empty one.
func NewSharedMem() *SharedMem {
	return &SharedMem{values: make(map[SharedKey]sharedValue), owners: make(map[string]sharedUse)}
}

func (v *sharedValue) expired(now int64) bool { return v.until != 0 && now >= v.until }

func (k *SharedKey) weight(v *sharedValue) int {
	return len(k.Name) + len(k.Field) + len(v.text) + sharedValueWeight
}

// Load implements SharedStore.
func (s *SharedMem) Load(key SharedKey, now int64) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[key]
	if ok && v.expired(now) {
		s.removeLocked(key, v)
		return "", false
	}
	return v.text, ok
}

// Store implements SharedStore. What has expired makes room when a bound is reached.
func (s *SharedMem) Store(owner string, key SharedKey, value string, now, until int64) error {
	v := sharedValue{text: value, until: until, owner: owner}
	size := key.weight(&v)
	if size > maxSharedBytes {
		return errors.New("shared value of more than 64 KiB")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, present := s.values[key]
	if present {
		s.removeLocked(key, old)
	}
	if !s.fitsLocked(owner, size) && s.expiry != 0 && now >= s.expiry {
		s.purgeLocked(now)
	}
	if !s.fitsLocked(owner, size) {
		if present {
			s.addLocked(key, old)
		}
		return ErrSharedFull
	}
	s.addLocked(key, v)
	return nil
}

// fitsLocked reports whether owner may have size bytes more; s.mu is held.
func (s *SharedMem) fitsLocked(owner string, size int) bool {
	use := s.owners[owner]
	return use.count < maxOwnerValues && use.bytes+size <= maxOwnerBytes && s.bytes+size <= maxSharedTotal
}

// purgeLocked takes out what has expired; s.mu is held.
func (s *SharedMem) purgeLocked(now int64) {
	s.expiry = 0
	for key, v := range s.values {
		if v.expired(now) {
			s.removeLocked(key, v)
		} else {
			s.expireLocked(v.until)
		}
	}
}

// expireLocked notes that a value expires at until; s.mu is held.
func (s *SharedMem) expireLocked(until int64) {
	if until != 0 && (s.expiry == 0 || until < s.expiry) {
		s.expiry = until
	}
}

// addLocked puts a value in and charges its owner; s.mu is held.
func (s *SharedMem) addLocked(key SharedKey, v sharedValue) {
	use := s.owners[v.owner]
	size := key.weight(&v)
	s.owners[v.owner] = sharedUse{use.count + 1, use.bytes + size}
	s.bytes += size
	s.values[key] = v
	s.expireLocked(v.until)
}

// removeLocked takes a value out; s.mu is held.
func (s *SharedMem) removeLocked(key SharedKey, v sharedValue) {
	use := s.owners[v.owner]
	size := key.weight(&v)
	if use.count == 1 {
		delete(s.owners, v.owner)
	} else {
		s.owners[v.owner] = sharedUse{use.count - 1, use.bytes - size}
	}
	s.bytes -= size
	delete(s.values, key)
}

// Delete implements SharedStore.
func (s *SharedMem) Delete(key SharedKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[key]; ok {
		s.removeLocked(key, v)
	}
}

// Scan implements SharedStore.
func (s *SharedMem) Scan(kind SharedKind, name string, prefix bool, now int64) []SharedEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []SharedEntry
	for key, v := range s.values {
		if key.Kind == kind && (key.Name == name || prefix && strings.HasPrefix(key.Name, name)) && !v.expired(now) {
			found = append(found, SharedEntry{key, v.text})
		}
	}
	slices.SortFunc(found, func(a, b SharedEntry) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Field, b.Field)
	})
	return found
}
