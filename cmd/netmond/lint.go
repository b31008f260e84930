package main

import (
	"context"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/lua/lint"
)

// addLint adds the command lint, which is typed as check lint: the parser of the command line cannot
// have both arguments and commands behind check, so lintArgs puts the two words together.
func addLint(app *kingpin.Application, commands map[string]func(context.Context) error, std streams) {
	cmd := app.Command("lint", "Look for mistakes in Lua checks without running them; also typed as check lint.")
	dirs := cmd.Flag("scripts-dir", "Folder that require reads modules from, besides the script's own. Repeatable.").PlaceHolder("DIR").Strings()
	paths := cmd.Arg("PATH", "Scripts, and folders of them.").Required().Strings()
	commands[cmd.FullCommand()] = func(context.Context) error {
		ok, err := lint.Command(std.out, *paths, *dirs)
		if err == nil && !ok {
			err = errReported
		}
		return err
	}
}

// lintArgs makes "check lint" one word. A script named lint is ./lint.
func lintArgs(args []string) []string {
	if len(args) >= 2 && args[0] == "check" && args[1] == "lint" {
		return args[1:]
	}
	return args
}
