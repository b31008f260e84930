package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/localnets/suggest"
	"github.com/netmond/netmond/metrics"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/top"
)

// A suggestion is what networks suggest is asked.
type suggestion struct {
	suggest.Config
	conf     *configFlags
	server   *serverFlags
	iface    string
	files    []string
	duration time.Duration
}

func addNetworks(app *kingpin.Application, commands map[string]func(context.Context) error, std streams, logger func() *slog.Logger) {
	cmd := app.Command("networks", "Local networks.").
		Command("suggest", "Show which prefixes the traffic belongs to that no local network has an end of, and a list of local networks to paste: of a running netmond, an interface or capture files. docs/networks.md has the rules.")
	q := &suggestion{conf: addConfigFlags(cmd, "accounting", "capture.filter"), server: addServerFlags(cmd)}
	cmd.Flag("interface", "Capture on this interface instead. Needs CAP_NET_RAW.").Short('i').PlaceHolder("IFACE").StringVar(&q.iface)
	cmd.Flag("duration", "How long to capture with -i; Ctrl-C ends it early.").Default("30s").DurationVar(&q.duration)
	cmd.Flag("read-file", "Look at this capture file instead: pcap or pcapng, plain, gzip or zstd; - is standard input. Repeatable; needs no privileges.").
		Short('r').PlaceHolder("FILE").StringsVar(&q.files)
	cmd.Flag("all", "Look at all traffic, as if there were no local networks; so it is where none are configured.").BoolVar(&q.All)
	share := cmd.Flag("min-share", "The least part of the traffic without a local end that a prefix must have, in per cent.").
		Default("1").PlaceHolder("PERCENT").String()
	cmd.Flag("max", "The most prefixes to suggest. Private space is merged into shorter prefixes to keep it.").
		Default(strconv.Itoa(suggest.DefaultMax)).IntVar(&q.Max)
	format := cmd.Flag("format", "Output: a table for people, json (docs/api.md: Suggestions), or yaml for the configuration file.").
		Default("table").Enum("table", "json", "yaml")
	commands[cmd.FullCommand()] = func(ctx context.Context) error {
		chosen := 0
		for _, set := range []bool{q.server.set, q.iface != "", len(q.files) > 0} {
			if set {
				chosen++
			}
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(*share, "%"), 64)
		q.MinShare = percent / 100
		switch {
		case chosen > 1:
			return usageError{errors.New("give one of --url, -i and -r")}
		case err != nil || !(percent > 0 && percent <= 100):
			return usageError{fmt.Errorf("--min-share %s: want per cent, above 0 and at most 100", *share)}
		case q.Max < 1 || q.Max > suggest.MostMax:
			return usageError{fmt.Errorf("--max %d: want 1 to %d", q.Max, suggest.MostMax)}
		case q.duration <= 0:
			return usageError{fmt.Errorf("--duration %v: want above 0", q.duration)}
		}
		found, err := q.find(ctx, std, logger)
		if err != nil && found == nil {
			return err
		}
		out := bufio.NewWriter(std.out)
		switch *format {
		case "json":
			err = errors.Join(err, found.WriteJSON(out))
		case "yaml":
			err = errors.Join(err, found.WriteYAML(out))
		default:
			width, isTTY := terminal(std.out)
			err = errors.Join(err, found.WriteTable(out, report.TableOptions{
				Width: width, Color: isTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
			}))
		}
		return errors.Join(err, out.Flush())
	}
}

// find asks the server, or counts in this process. With an error of some input there are suggestions too.
func (q *suggestion) find(ctx context.Context, std streams, logger func() *slog.Logger) (*report.Suggestions, error) {
	if q.iface == "" && len(q.files) == 0 {
		return q.ask(ctx)
	}
	if *q.server.ca != "" {
		return nil, usageError{errors.New("--tls-ca is for --url")}
	}
	o, p, err := q.conf.buildForFiles(logger()) // no flow may leave the table
	if err != nil {
		return nil, err
	}
	var errs []report.InputError
	if q.iface != "" {
		err = q.capture(ctx, std, o, p, logger())
	} else if errs, err = p.readFiles(ctx, q.files, std, nil); errors.Is(err, context.Canceled) {
		err = errReported
		fmt.Fprintln(std.err, "netmond: interrupted: this is of what was read up to here")
	}
	if err != nil && err != errReported {
		return nil, err
	}
	if len(errs) > 0 {
		err = errReported // by readFiles
	}
	q.All = q.All || p.assumed
	snapshot := p.table.Snapshot()
	if n := snapshot.Table.Untracked.Packets; n > 0 || snapshot.Table.Ended != ([len(snapshot.Table.Ended)]uint64{}) {
		fmt.Fprintln(std.err, "netmond: the flow table was full: flows that left it are not looked at (--max-flows)")
	}
	found, findErr := report.Suggest(p.table.Flows, snapshot.Nets, q.Config)
	if findErr != nil {
		return nil, findErr
	}
	return found, err
}

// ask asks a running netmond.
func (q *suggestion) ask(ctx context.Context) (*report.Suggestions, error) {
	if len(q.conf.lists) > 0 || q.conf.file != "" {
		return nil, usageError{errors.New("a running netmond has networks and settings of its own: -m and --config.file are for -i and -r (--all leaves its networks aside)")}
	}
	base, client, err := q.server.client()
	if err != nil {
		return nil, err
	}
	params := url.Values{"min_share": {strconv.FormatFloat(q.MinShare, 'g', -1, 64)}, "max": {strconv.Itoa(q.Max)}}
	if q.All {
		params.Set("all", "true")
	}
	var found report.Suggestions
	if err := top.Get(ctx, client, base, "/api/v1/networks/suggest", params, &found); err != nil {
		return nil, q.server.notServing(err)
	}
	if found.Result == nil {
		return nil, fmt.Errorf("%s answers, but not as netmond does", hidden(*q.server.address))
	}
	return &found, nil
}

// capture counts what an interface sees, for the time that is wanted or until the user interrupts it.
func (q *suggestion) capture(ctx context.Context, std streams, o *options, p *pipeline, log *slog.Logger) error {
	live := o.liveCapture([]string{q.iface})
	if err := o.err(); err != nil {
		return err
	}
	live.Filter = p.filter
	d := &daemon{pipeline: p, log: slog.New(slog.DiscardHandler), std: std}
	if err := d.openCapture(&setup{pipeline: p, live: &live, ifaces: []string{q.iface}, kernel: &kernelConfig{path: pathAFPacket}}); err != nil {
		return withGrant(filterFault(err))
	}
	defer d.live.close()
	fmt.Fprintf(std.err, "netmond: capturing on %s for %v (Ctrl-C ends it)\n", q.iface, q.duration)
	stop := time.AfterFunc(q.duration, d.live.stop)
	defer stop.Stop()
	defer context.AfterFunc(ctx, d.live.stop)()
	var wg sync.WaitGroup
	var mu sync.Mutex // guards first
	var first error
	for _, r := range d.readers() {
		wg.Go(func() { // ends with the reader's frames
			if err := countFrames(r, p.table.NewWorker(), d.clock); err != nil {
				mu.Lock()
				first = errors.Join(first, fmt.Errorf("capture: %w", err))
				mu.Unlock()
				d.live.stop()
			}
		})
	}
	wg.Wait()
	if lost := lost(&metrics.View{Sources: d.sources()}).Packets; lost > 0 {
		fmt.Fprintf(std.err, "netmond: %d packets were lost\n", lost)
	}
	return first
}

// readers are those of all interfaces.
func (d *daemon) readers() (list []*capture.Reader) {
	for _, l := range d.live {
		list = append(list, l.Readers()...)
	}
	return list
}
