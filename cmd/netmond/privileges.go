package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/sandbox"
)

// A needs is what a daemon uses after it has given up its privileges: paths that the command line or the
// configuration names.
type needs struct {
	sandbox bool
	bpf     bool   // links are looked at and made again
	user    string // to become; "" to stay

	files   []string // read once more at a reload: replaced files come back in the same folder
	folders []string // read, with all below them
	once    []string // read once
	data    string   // written; "" for none
	web     string   // configuration of the web server: TLS files are read at each connection
}

// needs are the paths that the command line and the configuration name.
func (o *options) needs(captures []string) needs {
	n := needs{
		sandbox: config.Or(o.Sandbox, true), user: config.Or(o.User, ""),
		data: o.Path(config.Or(o.DataDir, ""), "data_dir"), web: o.Path(config.Or(o.Web.ConfigFile, ""), "web", "config_file"),
	}
	for _, dir := range o.Scripts.Dirs {
		n.folders = append(n.folders, o.Path(dir, "scripts", "dirs"))
	}
	if file := o.File(); file != "" {
		n.files = append(n.files, file)
	}
	if o.NetworksFile != nil {
		n.files = append(n.files, o.Path(*o.NetworksFile, "networks_file"))
	}
	for _, file := range []string{o.Path(config.Or(o.GeoIP.ASN, ""), "geoip", "asn"), o.Path(config.Or(o.GeoIP.Country, ""), "geoip", "country")} {
		if file != "" {
			n.files = append(n.files, file)
		}
	}
	if f, ok := strings.CutPrefix(config.Or(o.Capture.Filter, ""), "@"); ok {
		n.files = append(n.files, o.Path(f, "capture", "filter"))
	}
	for _, list := range o.lists {
		for entry := range strings.SplitSeq(list, ",") { // as localnets.ParseList takes them
			entry = strings.TrimPrefix(strings.TrimSpace(entry), "@")
			if st, err := os.Stat(entry); err == nil && st.Mode().IsRegular() {
				n.files = append(n.files, entry)
			}
		}
	}
	for _, f := range captures {
		if f != "" && f != "-" { // standard input
			n.once = append(n.once, f)
		}
	}
	return n
}

// policy is n for the sandbox.
func (n *needs) policy() (*sandbox.Policy, error) {
	p := &sandbox.Policy{Own: true, BPF: n.bpf}
	files := append([]string(nil), n.files...)
	if n.web != "" {
		tls, err := tlsFiles(n.web)
		if err != nil {
			return nil, err
		}
		files = append(append(files, n.web), tls...)
	}
	for _, f := range files {
		p.Read = append(p.Read, sandbox.Around(f)...)
	}
	p.Read = append(append(p.Read, n.folders...), n.once...)
	if n.data != "" {
		p.Write = []string{n.data}
	}
	return p, nil
}

// give makes the process give up what n does not name. It is called once, when all that needs a
// privilege is open, and before anything from outside is looked at: databases, scripts, frames, requests.
// What it calls works on the whole process.
func (n *needs) give(log *slog.Logger) error {
	if !n.sandbox {
		if n.user != "" {
			return usageError{errors.New("--user needs the sandbox, which --no-sandbox switches off")}
		}
		log.Warn("no sandbox (--no-sandbox): a fault in netmond gives an attacker all that its user has: capabilities, files, programs and the network",
			"uid", os.Geteuid())
		return nil
	}
	p, err := n.policy()
	if err != nil {
		return err
	}
	p.User = n.user
	if err := makeDataDir(n.data, n.user); err != nil {
		return err
	}
	s, err := sandbox.Enter(p)
	if errors.Is(err, sandbox.ErrUnsupported) {
		if n.user != "" {
			return usageError{fmt.Errorf("--user: %w", err)}
		}
		log.Warn("no sandbox: a fault in netmond gives an attacker all that its user has", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	log.Info("sandbox", "uid", s.UID, "gid", s.GID, "capabilities", s.CapabilityText(), "no_new_privs", s.NoNewPrivs,
		"seccomp", s.Seccomp, "landlock_abi", s.LandlockABI, "writes", strings.Join(p.Write, ","), "reads", strings.Join(p.Read, ","))
	if s.ReadSearchFor != "" {
		log.Warn("CAP_DAC_READ_SEARCH is kept, for the named files alone: root without it cannot read this path of another user", "path", s.ReadSearchFor)
	}
	for _, m := range s.Missing {
		log.Warn("the sandbox lacks a part that this kernel does not have", "part", m)
	}
	return nil
}

// makeDataDir makes the data directory, for user when there is one: Landlock wants it to be there.
func makeDataDir(dir, user string) error {
	if dir == "" {
		return nil
	}
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if user == "" {
		return nil
	}
	uid, gid, err := sandbox.UserIDs(user)
	if err == nil {
		err = os.Chown(dir, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// tlsFiles lists the files that a web configuration names, which the toolkit reads at each connection.
func tlsFiles(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("web configuration: %w", err)
	}
	var c struct {
		TLS struct {
			Cert string `yaml:"cert_file"`
			Key  string `yaml:"key_file"`
			CA   string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("web configuration %s: %w", file, err)
	}
	var list []string
	for _, f := range []string{c.TLS.Cert, c.TLS.Key, c.TLS.CA} {
		if f == "" {
			continue
		}
		if !filepath.IsAbs(f) {
			f = filepath.Join(filepath.Dir(file), f)
		}
		list = append(list, f)
	}
	return list, nil
}
