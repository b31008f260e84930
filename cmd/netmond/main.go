// Command netmond counts what enters, leaves and stays within each local network, from a mirror
// port or from capture files.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"

	"github.com/netmond/netmond/lua/engine"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // some input was damaged or refused, or the work failed
	exitUsage = 2 // the command line makes no sense
)

func main() {
	if isWorker(os.Args) {
		os.Exit(work())
	}
	// A second signal ends the process at once: the first one hands the default action back.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// isWorker reports whether this process was started to run scripts.
func isWorker(args []string) bool { return len(args) > 1 && args[1] == engine.WorkerArg }

// work runs scripts for the process that started this one, until that wants no more.
func work() int {
	if err := engine.WorkerMain(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "netmond %s: %v\n", engine.WorkerArg, err)
		return exitError
	}
	return exitOK
}

// A streams is what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	log      *logWriter // where the logger writes
}

// A usageError is a command line that parses and still makes no sense.
type usageError struct{ error }

// errReported ends a command with exitError when all that was wrong has been told already.
var errReported = errors.New("reported")

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	std := streams{in: in, out: out, err: errw}
	app := kingpin.New("netmond", "Per-network traffic accounting from a mirror port or capture files.")
	app.UsageWriter(out).ErrorWriter(errw)
	app.HelpFlag.Short('h')
	ended := -1 // set when the parser itself answers (--help, completion)
	app.Terminate(func(code int) {
		if ended < 0 {
			ended = code
		}
	})
	std.log = newLogWriter(errw)
	logConfig := &promslog.Config{Writer: std.log, Style: promslog.SlogStyle}
	promslogflag.AddFlags(app, logConfig)
	logger := func() *slog.Logger {
		log := promslog.New(logConfig)
		std.log.tellTo(log)
		return log
	}

	commands := map[string]func(context.Context) error{}
	addRun(app, commands, std, logger)
	addDemo(app, commands, std, logger)
	addTop(app, commands, std, logger)
	addNetworks(app, commands, std, logger)
	addRead(app, commands, std, logger)
	addCheck(app, commands, std, logger)
	addCheckConfig(app, commands, std)
	addDoctor(app, commands, std)
	addLint(app, commands, std)
	addBench(app, commands, std)
	addVersion(app, commands, std)

	// The parser turns "-", which names standard input, into an empty argument; see inputs.
	if slices.Contains(args, "") {
		fmt.Fprintln(errw, "netmond: empty argument (see netmond --help)")
		return exitUsage
	}
	name, err := app.Parse(filterArgs(lintArgs(args)))
	switch {
	case ended >= 0:
		return ended
	case err != nil:
		fmt.Fprintf(errw, "netmond: %v (see netmond --help)\n", err)
		return exitUsage
	}
	err = commands[name](ctx)
	std.log.close() // its lines go before the error
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(errw, "netmond %s: %v (see netmond %s --help)\n%s", name, err, name, excerpt(usage.error))
		return exitUsage
	case !errors.Is(err, errReported):
		fmt.Fprintf(errw, "netmond %s: %v\n", name, err)
	}
	return exitError
}
