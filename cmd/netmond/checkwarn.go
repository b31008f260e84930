package main

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua/checks"
	"github.com/netmond/netmond/lua/engine"
)

// warnChecks logs the settings of the file that nothing uses.
func (o *options) warnChecks(log *slog.Logger, status []engine.CheckStatus, networks []localnets.Network) {
	for _, w := range o.checkWarnings(status, networks) {
		log.Warn("configuration", "at", w.at, "problem", w.err)
	}
}

// checkWarnings are the settings of checks and networks that there are not, and of shipped checks the
// settings that these do not have. They are no errors: a script or a network may come later.
func (o *options) checkWarnings(status []engine.CheckStatus, networks []localnets.Network) []fault {
	var warnings []fault
	warn := func(path []string, format string, args ...any) {
		warnings = append(warnings, fault{at: o.Pos(path...), err: fmt.Errorf(format, args...)})
	}
	shipped := checks.List()
	for _, key := range slices.Sorted(maps.Keys(o.Checks)) {
		i := slices.IndexFunc(status, func(s engine.CheckStatus) bool { return s.Key == key })
		if i < 0 {
			warn([]string{"checks", key}, "there is no check %s", key)
			continue
		}
		c := o.Checks[key]
		unknown := func(settings map[string]any, path ...string) {
			j := slices.IndexFunc(shipped, func(s checks.Check) bool { return s.Name == key })
			if !status[i].Shipped || j < 0 {
				return
			}
			for _, name := range slices.Sorted(maps.Keys(settings)) {
				if !slices.ContainsFunc(shipped[j].Settings, func(s checks.Setting) bool { return s.Name == name }) {
					warn(append(path, "settings", name), "%s has no setting %s (docs/checks.md)", key, name)
				}
			}
		}
		unknown(c.Settings, "checks", key)
		for _, name := range slices.Sorted(maps.Keys(c.Networks)) {
			if !hasNetwork(networks, name) {
				warn([]string{"checks", key, "networks", name}, "there is no local network %s", name)
			}
			unknown(c.Networks[name].Settings, "checks", key, "networks", name)
		}
	}
	return warnings
}

// hasNetwork reports whether a network has this CIDR, alias or name.
func hasNetwork(networks []localnets.Network, name string) bool {
	p, err := netip.ParsePrefix(name)
	return slices.ContainsFunc(networks, func(n localnets.Network) bool {
		return err == nil && p.Masked() == n.Prefix || name == n.Name || name == n.Alias
	})
}
