package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/config"
)

// flagGroup is what the flags shared by several commands hang on.
type flagGroup interface {
	Flag(name, help string) *kingpin.FlagClause
}

// A configFlags is what the command line says of the configuration: the file, and the keys that flags set
// before it.
type configFlags struct {
	file  string
	lists []string // of --local-networks
	keys  config.Config

	systemdSocket bool
}

// addConfigFlags adds --config.file, --local-networks, and the flags of some keys and sections of the table
// (package config); of all without any.
func addConfigFlags(cmd flagGroup, sections ...string) *configFlags {
	c := &configFlags{}
	cmd.Flag("config.file", "YAML file with the configuration (docs/configuration.md). Flags go before it.").
		PlaceHolder("FILE").StringVar(&c.file)
	cmd.Flag("local-networks", "Local networks as CIDR or CIDR=alias, comma separated, or a file of them. Repeatable. Default: the capture interface's own networks and all private, link-local and loopback space.").
		Short('m').PlaceHolder("LIST").StringsVar(&c.lists)
	for _, f := range config.Flags(sections...) {
		help := f.Doc + " Default: " + f.Default + "."
		if f.Many {
			help += " Repeatable."
		}
		flag := cmd.Flag(f.Name, help)
		switch {
		case f.Name == "interface":
			flag = flag.Short('i').PlaceHolder("IFACE")
		case f.Name == "filter":
			flag = flag.Short('f').PlaceHolder("EXPR")
		case !f.Switch:
			flag = flag.PlaceHolder("VALUE")
		}
		flag.SetValue(&keyValue{&c.keys, f})
	}
	if runtime.GOOS == "linux" && (len(sections) == 0 || slices.Contains(sections, "web")) {
		cmd.Flag("web.systemd-socket", "Listen on the sockets that systemd passes instead of addresses.").BoolVar(&c.systemdSocket)
	}
	return c
}

// A keyValue is a flag whose value goes to its key, by the rules of the file.
type keyValue struct {
	keys *config.Config
	flag config.Flag
}

// Set implements kingpin.Value.
func (v *keyValue) Set(text string) error { return v.keys.Set(v.flag.Name, text) }

// String implements kingpin.Value; the help has the default.
func (v *keyValue) String() string { return "" }

// IsBoolFlag says that the flag stands without a value, and with no- before it.
func (v *keyValue) IsBoolFlag() bool { return v.flag.Switch }

// IsCumulative says that the flag may be repeated.
func (v *keyValue) IsCumulative() bool { return v.flag.Many }

// load reads the file and puts the flags before it. The error is a usageError only when flags alone are
// wrong.
func (c *configFlags) load() (*options, error) {
	var file *config.Config
	if c.file != "" {
		var err error
		if file, err = config.Load(c.file); err != nil {
			return nil, err
		}
	}
	return &options{Config: file.With(&c.keys), lists: c.lists, systemdSocket: c.systemdSocket}, nil
}

// A fault is something that is wrong with the options, and where.
type fault struct {
	at     string // file:line:col, a flag, or empty
	err    error
	placed bool // err has the place
}

// Error implements error.
func (f fault) Error() string {
	if f.at == "" || f.placed {
		return f.err.Error()
	}
	return fmt.Sprintf("%s: %v", f.at, f.err)
}

// place is line and column, to sort by; none for what is of no file.
func (f fault) place() []int {
	at := f.at
	if f.placed { // the first of its own
		at, _, _ = strings.Cut(f.err.Error(), ": ")
	}
	parts := strings.Split(at, ":")
	if len(parts) < 3 {
		return nil
	}
	line, err := strconv.Atoi(parts[len(parts)-2])
	col, err2 := strconv.Atoi(parts[len(parts)-1])
	if err != nil || err2 != nil {
		return nil
	}
	return []int{line, col}
}

// Unwrap implements errors.Unwrap.
func (f fault) Unwrap() error { return f.err }
