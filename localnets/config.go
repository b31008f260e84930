package localnets

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Config sets the bounds of a Registry.
type Config struct {
	// MaxHosts bounds the hosts that are told apart over all networks. Default 1,048,576, which 0
	// stands for too. At the bound a new host is not counted, and the refusal is. A host takes at
	// most 55 bytes, typically 48 at the default bound; memory is taken as hosts appear.
	MaxHosts int
	// HostIdleTimeout is the capture time after which a host not seen leaves the count; 0 keeps
	// hosts for good (capture files). Whole seconds, rounded up. Default 0.
	HostIdleTimeout time.Duration
	// MaxMatrixCells bounds the pairs of networks in the matrix; traffic of further pairs goes to
	// Snapshot.MatrixOther. Default 65,536, which 0 stands for too.
	MaxMatrixCells int
	// AppNames gives the name of each Delta.App, the first one also that of any App beyond the
	// list. Default is one name, "Unknown".
	AppNames []string
}

const (
	defaultMaxHosts       = 1 << 20
	defaultMaxMatrixCells = 1 << 16
	maxHostsLimit         = 1 << 28 // 14 GiB of hosts: more is a slip of the keyboard
	maxMatrixCellsLimit   = 1 << 26
	unknownApp            = "Unknown"
)

// DefaultConfig is the Config that stands when nothing else is asked for.
func DefaultConfig() Config {
	return Config{
		MaxHosts:       defaultMaxHosts,
		MaxMatrixCells: defaultMaxMatrixCells,
		AppNames:       []string{unknownApp},
	}
}

// Validate reports all faults of c at once.
func (c Config) Validate() error {
	var errs []error
	if c.MaxHosts < 0 || c.MaxHosts > maxHostsLimit {
		errs = append(errs, fmt.Errorf("hosts to tell apart: %d is not in 0..%d", c.MaxHosts, maxHostsLimit))
	}
	if c.MaxMatrixCells < 0 || c.MaxMatrixCells > maxMatrixCellsLimit {
		errs = append(errs, fmt.Errorf("matrix cells: %d is not in 0..%d", c.MaxMatrixCells, maxMatrixCellsLimit))
	}
	if c.HostIdleTimeout != 0 && c.HostIdleTimeout < time.Second {
		errs = append(errs, fmt.Errorf("host idle timeout: %v is neither 0 (never) nor at least 1s", c.HostIdleTimeout))
	}
	if len(c.AppNames) > math.MaxUint16+1 {
		errs = append(errs, fmt.Errorf("application names: %d are more than a Delta can tell apart", len(c.AppNames)))
	}
	at := make(map[string]int, len(c.AppNames))
	for i, name := range c.AppNames {
		if name == "" {
			errs = append(errs, fmt.Errorf("application name %d: empty", i))
			continue
		}
		if first, dup := at[name]; dup {
			errs = append(errs, fmt.Errorf("application name %d: %q is also the name of %d", i, name, first))
			continue
		}
		at[name] = i
	}
	return errors.Join(errs...)
}

// withDefaults is c with each zero that stands for a default replaced by it.
func (c Config) withDefaults() Config {
	if c.MaxHosts == 0 {
		c.MaxHosts = defaultMaxHosts
	}
	if c.MaxMatrixCells == 0 {
		c.MaxMatrixCells = defaultMaxMatrixCells
	}
	if len(c.AppNames) == 0 {
		c.AppNames = []string{unknownApp}
	}
	return c
}
