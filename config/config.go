package config

import "net/netip"

// Config is a configuration file. A nil pointer, list or map is a key that is not given.
//
// The tags of the fields are the table of keys: yaml is the key; doc its meaning; default the value
// that stands when it is not given, or unset what stands then in words; min and max its range, or a
// value that is allowed besides; items the fewest entries of a list; enum its words; maxlen the most
// bytes of a text; maxkeys the most keys of a map and keys the pattern of each; flag the flag of
// netmond run that goes before the file; apply whether a change takes effect at a reload or needs a
// restart, also for the keys below.
type Config struct {
	Networks     []Network        `yaml:"networks" apply:"reload" unset:"the capture interface's own networks and all private, link-local and loopback space" flag:"local-networks" doc:"Local networks, each a CIDR, or a CIDR and its name. What enters, leaves and stays within each is counted. They come before those of networks_file."`
	NetworksFile *string          `yaml:"networks_file" apply:"reload" unset:"none" flag:"local-networks" doc:"File with more local networks: lines of CIDR or CIDR=name, # begins a comment."`
	Capture      Capture          `yaml:"capture" apply:"restart" doc:"Where frames come from."`
	Accounting   Accounting       `yaml:"accounting" apply:"restart" doc:"How traffic is counted, and the bounds on what is kept of it."`
	Web          Web              `yaml:"web" apply:"restart" doc:"The HTTP server: metrics, API and pages."`
	Metrics      Metrics          `yaml:"metrics" apply:"restart" doc:"Prometheus metrics."`
	Sandbox      *bool            `yaml:"sandbox" apply:"restart" default:"true" flag:"sandbox" doc:"Once the sockets are open, give up all capabilities, all files but those that are named here, and all system calls but those that are needed (docs/security.md). Without it, whoever takes over netmond has all that its user has."`
	User         *string          `yaml:"user" apply:"restart" unset:"the user that started netmond" flag:"user" doc:"Started as root, become this user (a name or number) once the sockets are open."`
	DataDir      *string          `yaml:"data_dir" apply:"restart" unset:"none, alerts are kept in memory" flag:"data-dir" doc:"Folder in which alerts and the checks' cached values survive a restart. It is made when missing."`
	History      History          `yaml:"history" apply:"restart" doc:"What each network did over time, for charts: seconds over a quarter of an hour, 10 seconds over 6 hours, minutes over 7 days, quarters of an hour over a year, as far as the bounds go."`
	GeoIP        GeoIP            `yaml:"geoip" apply:"reload" doc:"Databases in MaxMind's format (.mmdb) that tell where remote addresses are. Each is read into memory as a whole, at the start and at a reload."`
	Scripts      Scripts          `yaml:"scripts" apply:"reload" doc:"Lua check scripts."`
	Checks       map[string]Check `yaml:"checks" apply:"reload" unset:"each check as it is shipped or written" keys:"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$" doc:"Settings of single checks, by the check's key: the name of its file without .lua."`
	Alerts       Alerts           `yaml:"alerts" apply:"reload" doc:"Past alerts."`

	file  string
	marks []mark
	flags map[string]string // by path: the flag that the value is from
}

// Capture says where frames come from.
type Capture struct {
	Interface      Strings   `yaml:"interface" unset:"none" items:"1" flag:"interface" doc:"Interfaces to capture on: those that mirror ports feed. Several in one text have commas between. Needs CAP_NET_RAW."`
	Wait           *Duration `yaml:"wait_for_interface" unset:"an interface that does not exist is an error" flag:"wait-for-interface" doc:"Start also when an interface does not exist, and count from when it does, without further privileges; until then netmond is not ready. It ends with an error when one has not come after this time; 0 waits for ever."`
	Workers        *int64    `yaml:"workers" unset:"the cores divided by the interfaces, 8 at most" min:"1" max:"64" flag:"workers" doc:"Workers of each interface, each with a socket, a part of the ring and at most a core's work; the kernel shares the flows out among them."`
	RingSize       *Size     `yaml:"ring_size" default:"64MiB" min:"2MiB" max:"512GiB" flag:"ring-size" doc:"Memory of the ring that the kernel writes frames to, for each interface, in whole MiB. It is locked memory outside of the process's heap; 64MiB hold 50 ms of a full 10 Gbit/s link."`
	Snaplen        *int64    `yaml:"snaplen" default:"0" or:"0" min:"64" max:"16777216" flag:"snaplen" doc:"Bytes captured of each frame; 0 is all. The wire length always counts. Little of the payload (96) costs less and hides most applications."`
	Promiscuous    *bool     `yaml:"promiscuous" default:"true" flag:"promiscuous" doc:"See frames for other stations, as a mirror port needs."`
	IgnoreOutgoing *bool     `yaml:"ignore_outgoing" default:"false" flag:"ignore-outgoing" doc:"Do not see frames that this machine sends."`
	Path           *string   `yaml:"path" default:"auto" enum:"auto,afpacket,xdp,xdp-generic,tc" flag:"capture-path" doc:"How frames are counted: afpacket gives each to netmond; xdp, xdp-generic (received frames) and tc (both directions) count them in the kernel (docs/ebpf.md), which needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON at the start. auto takes, on a mirror port (mirror_port), the fastest of xdp, tc and xdp-generic that works, and afpacket elsewhere."`
	MirrorPort     *bool     `yaml:"mirror_port" default:"false" flag:"mirror-port" doc:"The interfaces are ends of mirror ports: all that counts is received, and nothing there is for this machine."`
	XDPAction      *string   `yaml:"xdp_action" default:"pass" enum:"pass,drop" flag:"xdp-action" doc:"What becomes of a frame that XDP has counted. drop spares the kernel all further work, and needs mirror_port: nothing else on this machine sees the interface's frames any more."`
	ForceDrop      *bool     `yaml:"force_drop" default:"false" flag:"force" doc:"Let xdp_action drop also where the interface has an address or the default route: this machine is then cut off from that network."`
	FlowDetail     *string   `yaml:"flow_detail" default:"auto" enum:"auto,full,sampled,off" flag:"flow-detail" doc:"Which flows are tracked when frames are counted in the kernel; networks are exact with each. auto tracks all until the table or the processor is too small, then a part of them."`
	FlowSampleRate *int64    `yaml:"flow_sample_rate" default:"16" min:"1" max:"1048576" flag:"flow-sample-rate" doc:"With flow_detail sampled, one flow in so many is tracked, whole."`
	Filter         *string   `yaml:"filter" apply:"reload" unset:"all frames" flag:"filter" doc:"Count only what matches this expression in tcpdump's language, such as vlan 7 and not port 22 (docs/filters.md), or @FILE, the program in a file that tcpdump -ddd made. Where frames are counted in the kernel a change waits for a restart."`
}

// Accounting says how traffic is counted.
type Accounting struct {
	Decap           Strings   `yaml:"decap" unset:"none" enum:"gre,erspan,vxlan,geneve,gtp,ipip,teredo,tzsp,all,none" flag:"decap" doc:"Tunnels to look through: the inner packet counts instead of the outermost IP header."`
	FlowVLAN        *bool     `yaml:"flow_vlan" default:"false" flag:"flow-vlan" doc:"Keep flows of different outer VLANs apart."`
	Memory          *Size     `yaml:"memory" unset:"none" min:"1MiB" max:"1TiB" flag:"memory" doc:"Budget of resident memory: sizes the ring, the flow table, hosts and alerts where their own keys do not. Script workers are not in it. A budget that is too small is refused with the least that works."`
	MaxFlows        *int64    `yaml:"max_flows" unset:"262144 live, 1048576 for capture files" min:"1" max:"1073741824" flag:"max-flows" doc:"Most flows tracked at a time. Beyond it the idlest is evicted and counted; no byte of any network is lost."`
	ReadWorkers     *int64    `yaml:"read_workers" unset:"the processors, 8 at most" min:"1" max:"64" flag:"read-workers" doc:"Processors that count capture files; the result is the same with any number. With a filter one does."`
	MaxHosts        *int64    `yaml:"max_hosts" default:"1048576" min:"1" max:"268435456" flag:"max-hosts" doc:"Most local hosts told apart at a time; those beyond it are counted as refused."`
	IdleTimeout     *Duration `yaml:"idle_timeout" unset:"1m live, never for capture files" flag:"idle-timeout" doc:"End a flow after this time without packets; 0 is never."`
	ActiveTimeout   *Duration `yaml:"active_timeout" unset:"30m live, never for capture files" flag:"active-timeout" doc:"End and restart the record of a flow that lasts this long; 0 is never."`
	ClosedTimeout   *Duration `yaml:"closed_timeout" unset:"5s live, never for capture files" flag:"closed-timeout" doc:"End a TCP flow this long after it was closed or reset; 0 is never."`
	HalfOpenTimeout *Duration `yaml:"half_open_timeout" unset:"5s live, never for capture files" flag:"half-open-timeout" doc:"When the flow table fills up, end a flow of one packet or a half-open handshake after this time without packets; 0 is never."`
	HostIdleTimeout *Duration `yaml:"host_idle_timeout" unset:"5m live, never for capture files" or:"0" min:"1s" flag:"host-idle-timeout" doc:"Count a host as gone after this time without traffic; 0 is never."`
}

// Web says where the HTTP server listens and what it takes.
type Web struct {
	ListenAddresses Strings `yaml:"listen_addresses" default:"127.0.0.1:19991" items:"1" flag:"web.listen-address" doc:"Addresses to listen on, each host:port or :port."`
	AllowedHosts    Strings `yaml:"allowed_hosts" unset:"none" flag:"web.allowed-host" doc:"Names for the Host header besides the addresses listened on. With any given, the header of all requests is checked, else of those to loopback addresses."`
	ConfigFile      *string `yaml:"config_file" unset:"none" flag:"web.config.file" doc:"File with TLS certificate and passwords, in the format of Prometheus exporters (exporter-toolkit)."`
}

// Metrics is about /metrics.
type Metrics struct {
	MatrixSeries *int64 `yaml:"matrix_series" default:"1000" min:"0" max:"1000000" flag:"metrics.matrix-series" doc:"Pairs of networks with a series of their own in /metrics; the rest is summed as other."`
}

// History bounds what is recorded of each network over time.
type History struct {
	Memory *Size `yaml:"memory" default:"64MiB" min:"1MiB" max:"64GiB" flag:"history.memory" doc:"Memory of the history. Without data_dir all of it is there."`
	Disk   *Size `yaml:"disk" default:"512MiB" min:"16MiB" max:"16TiB" flag:"history.disk" doc:"Size of the history's file in data_dir; its log takes 8 MiB more at most. At the bound the oldest points of what takes most go."`
}

// GeoIP names the databases of remote addresses.
type GeoIP struct {
	ASN     *string `yaml:"asn" unset:"none" flag:"geoip.asn" doc:"File with autonomous systems: a database of type ASN or ISP, such as GeoLite2-ASN.mmdb."`
	Country *string `yaml:"country" unset:"none" flag:"geoip.country" doc:"File with countries: a database of type Country, City or Enterprise, such as GeoLite2-Country.mmdb."`
}

// Scripts says which Lua checks there are and what they may take.
type Scripts struct {
	Enabled        *bool     `yaml:"enabled" apply:"restart" default:"true" flag:"checks" doc:"Run checks: those that netmond ships and those of the folders."`
	Dirs           Strings   `yaml:"dirs" unset:"none" flag:"scripts-dir" doc:"Folders with Lua checks and the modules that they require. A check of an earlier folder goes before one of the same name in a later one, and all go before those that netmond ships."`
	Limits         Limits    `yaml:"limits" doc:"What a check may take that has no limits of its own."`
	Max            *int64    `yaml:"max" default:"1000" min:"1" max:"10000" doc:"Most checks; those beyond it, in the order of folder and name, are refused."`
	ReloadInterval *Duration `yaml:"reload_interval" default:"2s" or:"0" min:"100ms" doc:"How often the folders are looked at for changes; 0 is only when netmond reloads."`
	NtopngShape    *bool     `yaml:"ntopng_shape" default:"false" flag:"ntopng-shape" doc:"Give checks ingress, egress and inner as plain numbers, as ntopng does."`
}

// Limits bound one run of a check on one network.
type Limits struct {
	Time   *Duration `yaml:"time" default:"2s" min:"1ms" max:"10m" doc:"Time that a run on one network may take."`
	Memory *Size     `yaml:"memory" default:"64MiB" min:"8MiB" max:"64GiB" doc:"Memory that the worker may take above what it has before a run."`
}

// Check is the settings of one check.
type Check struct {
	Enabled  *bool                   `yaml:"enabled" unset:"as the script says" doc:"Whether the check runs."`
	Settings Settings                `yaml:"settings" unset:"as the script says" maxkeys:"1000" doc:"The script's own settings: numbers, texts, true or false. docs/checks.md lists those of the checks that netmond ships."`
	Limits   CheckLimits             `yaml:"limits" doc:"What this check may take."`
	Networks map[string]CheckNetwork `yaml:"networks" unset:"all networks alike" doc:"Differences for single local networks, by CIDR or name."`
}

// CheckLimits bound one run of one check on one network. A key that is not given is that of
// Scripts.Limits.
type CheckLimits struct {
	Time   *Duration `yaml:"time" unset:"scripts.limits.time" min:"1ms" max:"10m" doc:"Time that a run on one network may take."`
	Memory *Size     `yaml:"memory" unset:"scripts.limits.memory" min:"8MiB" max:"64GiB" doc:"Memory that the worker may take above what it has before a run."`
}

// CheckNetwork is what is different in a check for one network.
type CheckNetwork struct {
	Enabled  *bool    `yaml:"enabled" unset:"as the check" doc:"Whether the check runs on this network."`
	Settings Settings `yaml:"settings" unset:"as the check" maxkeys:"1000" doc:"Settings that are different on this network."`
}

// Alerts bounds the past alerts.
type Alerts struct {
	Retention  *Duration `yaml:"retention" default:"90d" min:"1m" doc:"How long past alerts are kept."`
	MaxHistory *int64    `yaml:"max_history" default:"1000000" min:"1" doc:"Most past alerts kept. Beyond it the oldest go until four fifths of it are left."`
}

// A Network is an entry of networks: a text that netip.ParsePrefix or netip.ParseAddr reads, with or
// without a name.
type Network struct {
	CIDR string `yaml:"cidr" doc:"Network as address/length, or an address alone."`
	Name string `yaml:"name" unset:"none" maxlen:"63" doc:"Name that stands beside the CIDR in alerts, metrics and pages."`
	// Pos is the place of the entry in the file.
	Pos Position `yaml:"-"`
}

// prefix is the network, masked. It is the zero Prefix when CIDR is none.
func (n Network) prefix() netip.Prefix {
	if p, err := netip.ParsePrefix(n.CIDR); err == nil {
		return p.Masked()
	}
	if a, err := netip.ParseAddr(n.CIDR); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen())
	}
	return netip.Prefix{}
}

// Strings is one text or a list of texts; in the file both are allowed. No text occurs twice.
type Strings []string

// Settings are values of a check's settings: each a float64, a string or a bool.
type Settings map[string]any

// Or is what p points to, or otherwise when the key is not given.
func Or[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}
