package engine

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// Limits bound a check. A zero field means that of Config.Limits.
type Limits struct {
	Time   time.Duration // of a run on one network, and of loading the script
	Memory int64         // bytes that the worker may take above what it has before a run
}

// Config is what the engine does. Start from DefaultConfig.
type Config struct {
	// ScriptsDirs are folders with checks and the modules that they require. An earlier folder's check
	// comes before one of the same name in a later folder, and all before those that netmond ships.
	ScriptsDirs []string
	// Checks are settings by the check's key, its file name without .lua.
	Checks map[string]CheckConfig
	// Only has the keys of the checks that there are, when it is set; all other files are passed over.
	Only []string
	// AllEnabled runs checks whatever their default_enabled says, unless their settings disable them.
	AllEnabled bool
	// Limits of checks without their own.
	Limits Limits
	// MaxScripts bounds the checks; those beyond it, in the order of folder and name, are refused. Each
	// takes about 0.3 MB in each worker that runs it.
	MaxScripts int
	// ReloadInterval is how often the folders are looked at. 0 means only when Reload is called.
	ReloadInterval time.Duration
	// MaxBackOff bounds the pause of a failing check; a period longer than it is not multiplied.
	MaxBackOff time.Duration
	// Interface is what interface.* shows to scripts.
	Interface lua.Interface
	// Shape of network.getNetworkStats.
	Shape lua.Shape
	// Version is what ntop.getInfo shows.
	Version string
	// InProcess runs scripts in this process, for systems without worker processes and for tests: with
	// the limits of a lua.VM alone, which bound neither memory nor every loop.
	InProcess bool
	// Command is the worker's program with its arguments, to which the worker's own are added. Default:
	// this program.
	Command []string
	// Spawn, when set, is called to start a worker, and calls start once. What is inherited from the
	// caller's process can be set around it. It is called from several goroutines.
	Spawn func(start func() error) error
}

// CheckConfig are the settings of one check.
type CheckConfig struct {
	// Enabled says whether the check runs; nil means what the script's default_enabled says.
	Enabled *bool
	// Config has the script's settings: numbers, strings and booleans, over its default_value.
	Config map[string]any
	// Networks are differences for single networks, by CIDR or alias.
	Networks map[string]NetworkConfig
	// Limits of this check.
	Limits Limits
}

// NetworkConfig are the differences of a check's settings for one network.
type NetworkConfig struct {
	Enabled *bool // nil: as the check
	Config  map[string]any
}

// DefaultConfig has no folders.
func DefaultConfig() Config {
	return Config{
		Limits:         Limits{Time: lua.DefaultTimeLimit, Memory: 64 << 20},
		MaxScripts:     1000,
		ReloadInterval: 2 * time.Second,
		MaxBackOff:     time.Hour,
	}
}

// Bounds of settings.
const (
	maxMaxScripts   = 10_000
	maxTimeLimit    = 10 * time.Minute
	minMemory       = 8 << 20
	maxMemory       = 64 << 30
	maxConfigValues = 1000
)

// Validate tells the first field that cannot be worked with.
func (c *Config) Validate() error {
	switch {
	case c.Limits.Time <= 0 || c.Limits.Memory <= 0:
		return fmt.Errorf("limits of checks: time and memory have to be set")
	case c.MaxScripts < 1 || c.MaxScripts > maxMaxScripts:
		return fmt.Errorf("most scripts %d: want 1 to %d", c.MaxScripts, maxMaxScripts)
	case c.ReloadInterval < 0 || c.MaxBackOff <= 0:
		return fmt.Errorf("intervals have to be positive")
	}
	if err := c.Limits.validate(); err != nil {
		return fmt.Errorf("limits of checks: %w", err)
	}
	for key, check := range c.Checks {
		if !goodKey(key) {
			return fmt.Errorf("check %q: not the name of a check", key)
		}
		if err := check.validate(); err != nil {
			return fmt.Errorf("check %s: %w", key, err)
		}
	}
	return nil
}

func (l Limits) validate() error {
	if l.Time < 0 || l.Time > maxTimeLimit {
		return fmt.Errorf("time %v: want up to %v", l.Time, maxTimeLimit)
	}
	if l.Memory != 0 && (l.Memory < minMemory || l.Memory > maxMemory) {
		return fmt.Errorf("memory %d bytes: want %d to %d", l.Memory, minMemory, int64(maxMemory))
	}
	return nil
}

func (c *CheckConfig) validate() error {
	if err := c.Limits.validate(); err != nil {
		return err
	}
	if err := validValues(c.Config); err != nil {
		return err
	}
	for network, n := range c.Networks {
		if err := validValues(n.Config); err != nil {
			return fmt.Errorf("network %s: %w", network, err)
		}
	}
	return nil
}

func validValues(values map[string]any) error {
	if len(values) > maxConfigValues {
		return fmt.Errorf("%d settings: want %d at most", len(values), maxConfigValues)
	}
	for name, v := range values {
		if _, ok := plainValue(v); !ok {
			return fmt.Errorf("setting %s is a %T: want a number, a string or a boolean", name, v)
		}
	}
	return nil
}

// clone is c with what its owner could change copied.
func (c Config) clone() *Config {
	c.ScriptsDirs, c.Only, c.Command = slices.Clone(c.ScriptsDirs), slices.Clone(c.Only), slices.Clone(c.Command)
	checks := make(map[string]CheckConfig, len(c.Checks))
	for key, check := range c.Checks {
		check.Config = maps.Clone(check.Config)
		networks := make(map[string]NetworkConfig, len(check.Networks))
		for name, n := range check.Networks {
			n.Config = maps.Clone(n.Config)
			networks[name] = n
		}
		check.Networks = networks
		checks[key] = check
	}
	c.Checks = checks
	return &c
}

// sameForAll reports whether every check that has its file and settings under c has them under other.
func (c *Config) sameForAll(other *Config) bool {
	return slices.Equal(c.ScriptsDirs, other.ScriptsDirs) && c.AllEnabled == other.AllEnabled && c.Limits == other.Limits && c.Shape == other.Shape
}

// wanted reports whether the settings let a check run whose script cannot be asked.
func (c *Config) wanted(key string) bool {
	settings := c.Checks[key]
	if settings.Enabled == nil || *settings.Enabled {
		return true
	}
	for _, n := range settings.Networks {
		if n.Enabled != nil && *n.Enabled {
			return true
		}
	}
	return false
}

// plainValue is v as one of the types that go to a worker: float64, string or bool.
func plainValue(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool, float64:
		return v, true
	case int:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return nil, false
}

// or fills the zero fields of l from other.
func (l Limits) or(other Limits) Limits {
	if l.Time == 0 {
		l.Time = other.Time
	}
	if l.Memory == 0 {
		l.Memory = other.Memory
	}
	return l
}

// Deps are what the engine works with.
type Deps struct {
	Log *slog.Logger
	// Snapshot gives the counters that the checks of a run see. It is called from several goroutines.
	Snapshot func() *localnets.Snapshot
	// Store keeps alerts and cached values. It is called from several goroutines.
	Store Store
	// Shared keeps the values of ntop.setCache and its like. Default: in memory.
	Shared lua.SharedStore
	// Shipped has checks as name.lua, which those of the user's folders come before. It may be nil.
	Shipped fs.FS
	// OnReload, when set, is called after the scripts or their settings changed, also when they are loaded
	// first, from the goroutine that looked; and again after a run that began before the change, from its
	// goroutine. Engine.Owner tells then whose alerts are left over.
	OnReload func()
	// Now is the clock on the wall, which may be set. Default: the system's.
	Now func() time.Time
	// OnRun, when set, gets each run of a check on a network, after the store has taken what it changed.
	// The output of print then goes there and not to the log. It is called from the goroutines of the
	// periodicities.
	OnRun func(RunReport)
}

// A RunReport tells of one run of a check on one network.
type RunReport struct {
	Check       string
	Network     localnets.Network
	Periodicity alerts.Periodicity
	Time        int64 // ns since the Unix epoch
	Outcome     Outcome
	Err         string   // why it did not succeed
	Values      []string // returned, cut at 16 KiB in all
	Output      string   // of print
	Warnings    []string
	Released    int // leftover alerts, see lua.Result
	Duration    time.Duration
}
