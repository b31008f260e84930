package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

func addVersion(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("version", "Print the version and how this binary was built.")
	commands[cmd.FullCommand()] = func(context.Context) error {
		v := version.Version
		if v == "" {
			v = "(devel)"
		}
		_, err := fmt.Fprintf(std.out, "netmond %s, revision %s, %s %s/%s\n",
			v, version.GetRevision(), version.GoVersion, runtime.GOOS, runtime.GOARCH)
		return err
	}
}
