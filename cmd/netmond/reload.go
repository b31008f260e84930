package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/metrics"
)

// reloads counts how often the configuration was read again.
type reloads struct {
	mu sync.Mutex // one reload at a time; held while it lasts, so readers of the figures use what follows

	figures sync.Mutex // guards what follows
	now     metrics.Reloads
}

func (r *reloads) stats() metrics.Reloads {
	r.figures.Lock()
	defer r.figures.Unlock()
	return r.now
}

func (r *reloads) note(err error) {
	r.figures.Lock()
	defer r.figures.Unlock()
	if err != nil {
		r.now.Failed++
		r.now.LastFailed = true
		return
	}
	r.now.Succeeded++
	r.now.LastFailed, r.now.LastSuccess = false, time.Now().UnixNano()
}

// watchHangups keeps SIGHUP from ending the process; one that comes while a reload is under way begins
// another.
func watchHangups() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// reloadOnHangup reloads at each SIGHUP until ctx ends.
func (d *daemon) reloadOnHangup(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.hangups:
			d.reload() // it logs its error
		}
	}
}

// errReplayed refuses to reload a daemon that serves capture files.
var errReplayed = errors.New("capture files are counted once: start netmond again for another configuration")

// reload reads the configuration file and the lists of networks again and puts what changed in force. All is
// checked first: an error has everything that is wrong, and then nothing has changed.
func (d *daemon) reload() error {
	d.reloads.mu.Lock()
	defer d.reloads.mu.Unlock()
	start := time.Now()
	err := d.reloadLocked()
	d.reloads.note(err)
	if err != nil {
		d.log.Error("configuration was not reloaded: the one before stays in force", "error", err)
		return err
	}
	d.log.Info("configuration reloaded", "file", d.conf.file, "networks", len(d.registry.Networks()), "duration", time.Since(start))
	return nil
}

// reloadLocked is reload; d.reloads.mu is held.
func (d *daemon) reloadLocked() error {
	if d.live == nil {
		return errReplayed
	}
	o, err := d.conf.load()
	if err != nil {
		return err
	}
	networks, assumed := o.networks(ownPrefixes(d.live.names()))
	alerting, checking := o.alerting(), o.checking("")
	// What needs a restart is checked too, so that the next start does not fail.
	compiled := o.filter()
	o.localNetworks(true)
	o.flowTable(true)
	o.server()
	o.liveCapture(o.interfaces())
	o.checkKernelPath()
	places := o.places()
	if d.plan != nil {
		o.wrong(d.plan.roomFor(len(networks)), "accounting", "memory")
	}
	if err := o.err(); err != nil {
		return err
	}

	keys, before := config.Diff(d.options.Config, o.Config), d.filter
	if len(d.kernel) > 0 { // their programs have it built in
		for i := range keys {
			keys[i].Restart = keys[i].Restart || keys[i].Path == "capture.filter"
		}
	} else if err := d.setFilter(compiled); err != nil {
		o.wrong(err, "capture", "filter")
		return o.err()
	}
	change, err := d.kernel.reload(d.table, d.registry, networks)
	if err != nil {
		return errorsFirst(err, d.setFilter(before))
	}
	d.assumed = assumed
	d.places.Store(places)
	if d.engine != nil {
		if err := d.engine.SetConfig(checking); err != nil {
			return fmt.Errorf("checks: %w", err) // checked above
		}
		if len(change.Removed) > 0 {
			d.releaseOrphans()
		}
		o.warnChecks(d.log, d.engine.Status(), networks)
	}
	d.keeper.SetHistory(alerting.MaxRows, alerting.MaxAge)
	logChanges(d.log, keys, &change)
	d.options = o
	return nil
}

// maxChangeLines bounds what the log tells of each kind of change.
const maxChangeLines = 20

// logChanges tells what a reload changed, and what waits for a restart.
func logChanges(log *slog.Logger, keys []config.Change, nets *localnets.Change) {
	told := 0
	keys = slices.DeleteFunc(keys, func(k config.Change) bool { return strings.HasPrefix(k.Path, "networks[") }) // told below
	for _, k := range keys {
		if told++; told > maxChangeLines {
			log.Info("further keys changed", "keys", len(keys)-maxChangeLines)
			break
		}
		if k.Restart {
			log.Warn("key changed, which takes effect when netmond starts again", "key", k.Path, "old", k.Old, "new", k.New)
		} else {
			log.Info("key changed", "key", k.Path, "old", k.Old, "new", k.New)
		}
	}
	for _, list := range []struct {
		what     string
		networks []localnets.Network
	}{{"network added", nets.Added}, {"network removed", nets.Removed}} {
		for i, n := range list.networks {
			if i == maxChangeLines {
				log.Info("further: "+list.what, "networks", len(list.networks)-i)
				break
			}
			log.Info(list.what, "network", n.Prefix, "name", n.Alias)
		}
	}
	for i, r := range nets.Renamed {
		if i == maxChangeLines {
			log.Info("further: network renamed", "networks", len(nets.Renamed)-i)
			break
		}
		log.Info("network renamed", "network", r.After.Prefix, "old", r.Before.Alias, "name", r.After.Alias)
	}
}
