package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/geoip"
	"github.com/netmond/netmond/history"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
	"github.com/netmond/netmond/lua/engine"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/packet"
	"github.com/netmond/netmond/web"
)

// Timeouts of a live capture. A file is one observation: nothing idles out of it unless asked.
const (
	liveIdleTimeout     = time.Minute
	liveActiveTimeout   = 30 * time.Minute
	liveClosedTimeout   = 5 * time.Second
	liveHalfOpenTimeout = 5 * time.Second
	liveHostIdleTimeout = 5 * time.Minute
)

// Flows tracked unless a key says otherwise. Live, the memory for them is taken at the start: first
// touches under load lose packets.
const (
	liveMaxFlows = 1 << 18
	fileMaxFlows = 1 << 20
)

// maxReadWorkers count files unless asked otherwise: beyond, all wait for the one that reads.
const maxReadWorkers = 8

// options are the keys of the command line over those of the file. Each method makes the Config of a
// package from them, with that package's defaults below; what is wrong is noted with its place, so that all
// of it can be told at once.
type options struct {
	*config.Config
	lists         []string // of --local-networks, which go before the networks of the file
	systemdSocket bool
	dry           bool // nothing is going to run: take no memory for it

	faults []fault
}

// wrong notes an error about a key.
func (o *options) wrong(err error, path ...string) {
	if err != nil {
		o.faults = append(o.faults, fault{at: o.Pos(path...), err: err})
	}
}

// err is all that was wrong: a usageError when only the command line was.
func (o *options) err() error {
	if len(o.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(o.faults, func(a, b fault) int { return slices.Compare(a.place(), b.place()) })
	errs := make([]error, len(o.faults))
	inFile := false
	for i, f := range o.faults {
		errs[i] = f
		inFile = inFile || f.at != "" && !strings.HasPrefix(f.at, "--")
	}
	if err := errors.Join(errs...); inFile {
		return err
	} else {
		return usageError{err}
	}
}

// networks are the local networks. own are the prefixes of the capture interface; assumed says that no
// networks were given and the default list stands in.
func (o *options) networks(own []netip.Prefix) (list []localnets.Network, assumed bool) {
	if len(o.lists) > 0 {
		list, err := localnets.ParseList(o.lists)
		if err != nil {
			o.faults = append(o.faults, fault{err: err, placed: true})
		}
		return list, false
	}
	if o.Networks == nil && o.NetworksFile == nil {
		return localnets.DefaultNetworks(own), true
	}
	entries := make([]localnets.Entry, len(o.Networks))
	for i, n := range o.Networks {
		entries[i] = localnets.Entry{CIDR: n.CIDR, Alias: n.Name, At: n.Pos.String()}
	}
	var files []string
	if o.NetworksFile != nil {
		path := o.Path(*o.NetworksFile, "networks_file")
		if _, err := os.Stat(path); err != nil {
			o.wrong(err, "networks_file")
		} else {
			files = append(files, path)
		}
	}
	list, err := localnets.ParseEntries(entries, files)
	if err != nil {
		o.faults = append(o.faults, fault{at: o.File(), err: err, placed: true})
	}
	return list, false
}

// localNetworks is the registry's configuration.
func (o *options) localNetworks(live bool) localnets.Config {
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	cfg.MaxHosts = int(config.Or(o.Accounting.MaxHosts, int64(cfg.MaxHosts)))
	cfg.HostIdleTimeout = timeout(o.Accounting.HostIdleTimeout, live, liveHostIdleTimeout)
	o.wrong(cfg.Validate(), "accounting")
	return cfg
}

// flowTable is the flow table's configuration.
func (o *options) flowTable(live bool) flows.Config {
	cfg := flows.DefaultConfig()
	cfg.Prefault = live && !o.dry
	cfg.Workers = int(config.Or(o.Accounting.ReadWorkers, int64(min(runtime.GOMAXPROCS(0), maxReadWorkers))))
	most := int64(fileMaxFlows)
	if live {
		most = liveMaxFlows
	}
	cfg.MaxFlows = int(config.Or(o.Accounting.MaxFlows, most))
	cfg.IdleTimeout = timeout(o.Accounting.IdleTimeout, live, liveIdleTimeout)
	cfg.ActiveTimeout = timeout(o.Accounting.ActiveTimeout, live, liveActiveTimeout)
	cfg.ClosedTimeout = timeout(o.Accounting.ClosedTimeout, live, liveClosedTimeout)
	cfg.HalfOpenTimeout = timeout(o.Accounting.HalfOpenTimeout, live, liveHalfOpenTimeout)
	decap, err := packet.ParseDecap(o.Accounting.Decap...)
	o.wrong(err, "accounting", "decap")
	cfg.Decoder = packet.Decoder{KeyVLAN: config.Or(o.Accounting.FlowVLAN, false), Decap: decap}
	o.wrong(cfg.Validate(), "accounting")
	return cfg
}

// timeout is that of a key; without it that of a live capture, or none for files.
func timeout(key *config.Duration, live bool, liveDefault time.Duration) time.Duration {
	if key != nil {
		return key.Std()
	}
	if live {
		return liveDefault
	}
	return 0
}

// alerting is the configuration of what keeps alerts.
func (o *options) alerting() alerts.Config {
	cfg := alerts.DefaultConfig()
	cfg.MaxRows = int(config.Or(o.Alerts.MaxHistory, int64(cfg.MaxRows)))
	cfg.MaxAge = config.Or(o.Alerts.Retention, config.Duration(cfg.MaxAge)).Std()
	cfg.Dir = o.Path(config.Or(o.DataDir, ""), "data_dir")
	o.wrong(cfg.Validate(), "alerts")
	if _, err := os.Stat(cfg.Dir); cfg.Dir != "" && err == nil { // else it is made
		o.wrong(isFolder(cfg.Dir, *o.DataDir), "data_dir")
	}
	return cfg
}

// checking is the configuration of the engine that runs checks. interfaceName is what scripts see.
func (o *options) checking(interfaceName string) engine.Config {
	cfg := engine.DefaultConfig()
	s := &o.Scripts
	for i, dir := range s.Dirs {
		abs, err := filepath.Abs(o.Path(dir, "scripts", "dirs"))
		if err == nil {
			err = isFolder(abs, dir)
		}
		o.wrong(err, "scripts", "dirs", fmt.Sprint(i))
		cfg.ScriptsDirs = append(cfg.ScriptsDirs, abs)
	}
	cfg.Limits.Time = config.Or(s.Limits.Time, config.Duration(cfg.Limits.Time)).Std()
	cfg.Limits.Memory = int64(config.Or(s.Limits.Memory, config.Size(cfg.Limits.Memory)))
	cfg.MaxScripts = int(config.Or(s.Max, int64(cfg.MaxScripts)))
	cfg.ReloadInterval = config.Or(s.ReloadInterval, config.Duration(cfg.ReloadInterval)).Std()
	if config.Or(s.NtopngShape, false) {
		cfg.Shape = lua.ShapeNtopng
	}
	cfg.Interface = lua.Interface{Name: interfaceName}
	cfg.Version = version.Version
	cfg.Checks = make(map[string]engine.CheckConfig, len(o.Checks))
	for key, c := range o.Checks {
		cfg.Checks[key] = checkConfig(&c)
	}
	o.wrong(cfg.Validate(), "scripts")
	return cfg
}

// isFolder reports why path, which is written as name, is no folder that can be used.
func isFolder(path, name string) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such folder", name)
	case err != nil:
		return err
	case !st.IsDir():
		return fmt.Errorf("%s is no folder", name)
	}
	return nil
}

// checkConfig are the settings of one check.
func checkConfig(c *config.Check) engine.CheckConfig {
	cfg := engine.CheckConfig{
		Enabled: c.Enabled, Config: c.Settings, Networks: make(map[string]engine.NetworkConfig, len(c.Networks)),
		Limits: engine.Limits{
			Time:   config.Or(c.Limits.Time, 0).Std(),
			Memory: int64(config.Or(c.Limits.Memory, 0)),
		},
	}
	for name, n := range c.Networks {
		cfg.Networks[name] = engine.NetworkConfig{Enabled: n.Enabled, Config: n.Settings}
	}
	return cfg
}

// server is the configuration of the HTTP server.
func (o *options) server() web.Config {
	before := len(o.faults)
	addresses := []string(o.Web.ListenAddresses)
	if addresses == nil {
		addresses = []string{"127.0.0.1:19991"}
	}
	file := o.Path(config.Or(o.Web.ConfigFile, ""), "web", "config_file")
	for i, addr := range addresses {
		if _, _, err := net.SplitHostPort(addr); err != nil && !strings.HasPrefix(addr, "vsock://") {
			o.wrong(fmt.Errorf("listen address %q: %w", addr, err), "web", "listen_addresses", fmt.Sprint(i))
		}
	}
	if file != "" {
		o.wrong(toolkit.Validate(file), "web", "config_file")
	}
	cfg := web.DefaultConfig(addresses...)
	cfg.Listen = &toolkit.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &file, WebSystemdSocket: &o.systemdSocket}
	cfg.AllowedHosts = o.Web.AllowedHosts
	if len(o.faults) == before { // else it says the same
		o.wrong(cfg.Validate(), "web")
	}
	return cfg
}

// recording is the configuration of the history. It lies beside the alerts.
func (o *options) recording() history.Config {
	cfg := history.DefaultConfig()
	cfg.Dir = o.Path(config.Or(o.DataDir, ""), "data_dir")
	cfg.MaxMemory = int64(config.Or(o.History.Memory, config.Size(cfg.MaxMemory)))
	cfg.MaxDisk = int64(config.Or(o.History.Disk, config.Size(cfg.MaxDisk)))
	o.wrong(cfg.Validate(), "history")
	return cfg
}

// places opens the databases of remote addresses.
func (o *options) places() *geoip.DB {
	db := &geoip.DB{}
	asn, country := config.Or(o.GeoIP.ASN, ""), config.Or(o.GeoIP.Country, "")
	if asn != "" {
		o.wrong(db.OpenASN(o.Path(asn, "geoip", "asn")), "geoip", "asn")
	}
	if country != "" {
		o.wrong(db.OpenCountry(o.Path(country, "geoip", "country")), "geoip", "country")
	}
	return db
}

// exposition is the configuration of the metrics.
func (o *options) exposition() metrics.Config {
	n := int(config.Or(o.Metrics.MatrixSeries, metrics.DefaultMatrixSeries))
	if n == 0 {
		n = -1 // none; 0 is the default there
	}
	return metrics.Config{MatrixSeries: n}
}
