package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
)

const officeFile = "../cmd/netmond/testdata/office.pcap"

// readTable counts a file with a table of maxFlows.
func readTable(t *testing.T, file string, maxFlows int, networks ...string) *flows.Table {
	t.Helper()
	list := localnets.DefaultNetworks(nil)
	if len(networks) > 0 {
		var err error
		if list, err = localnets.ParseList(networks); err != nil {
			t.Fatal(err)
		}
	}
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	registry, err := localnets.New(cfg, list)
	if err != nil {
		t.Fatal(err)
	}
	limits := flows.DefaultConfig()
	limits.MaxFlows = maxFlows
	table, err := flows.New(limits, registry)
	if err != nil {
		t.Fatal(err)
	}
	src := capture.OpenFiles([]string{file}, nil)
	defer src.Close()
	if err := table.Replay(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	return table
}

var officeNetworks = []string{"192.0.2.0/25=office", "192.0.2.128/25=servers", "198.51.100.0/28=guests", "2001:db8:1::/64=office-v6"}

// withTop is the report of a table with lists.
func withTop(t *testing.T, table *flows.Table, q TopRequest) *Report {
	t.Helper()
	r := New(table.Snapshot(), nil)
	top, err := r.MakeTop(q, table.Flows)
	if err != nil {
		t.Fatal(err)
	}
	r.SetTop(top)
	return r
}

// checkTopCloses holds the sums of docs/read-json.md: what the lists show and what they do not is all.
func checkTopCloses(t *testing.T, what string, r *Report) {
	t.Helper()
	captured := Counts{r.s.Capture.Packets, r.s.Capture.Bytes}
	sum := func(list ...Counts) (c Counts) {
		for _, d := range list {
			c.Packets += d.Packets
			c.Bytes += d.Bytes
		}
		return c
	}
	check := func(list string, got, want Counts) {
		if got != want {
			t.Errorf("%s: %s sum to %v, want %v", what, list, got, want)
		}
	}
	if l := r.top.Hosts; l != nil {
		var sent, received Counts
		for _, h := range l.Rows {
			sent, received = sum(sent, Counts{h.PacketsSent, h.BytesSent}), sum(received, Counts{h.PacketsReceived, h.BytesReceived})
		}
		check("hosts sent", sum(sent, l.More.Sent, l.NotSelected.Sent, l.NotToldApart.Sent, l.Ended, l.NoFlow), captured)
		check("hosts received", sum(received, l.More.Received, l.NotSelected.Received, l.NotToldApart.Received, l.Ended, l.NoFlow), captured)
	}
	if l := r.top.Flows; l != nil {
		all := sum(l.More, l.NotSelected, l.Ended, l.NoFlow)
		for _, f := range l.Rows {
			all = sum(all, Counts{f.FromClient.Packets, f.FromClient.Bytes}, Counts{f.FromServer.Packets, f.FromServer.Bytes})
		}
		check("flows", all, captured)
	}
	if l := r.top.Protocols; l != nil {
		all := sum(l.More, l.NotSelected, l.Ended, l.NoFlow)
		for _, p := range l.Rows {
			check(p.Name, sum(p.Inbound, p.Outbound, p.Internal, p.Transit), p.Counts)
			all = sum(all, p.Counts)
		}
		check("protocols", all, captured)
	}
	if l := r.top.Matrix; l != nil {
		all := sum(l.More, l.NotToldApart)
		for _, c := range l.Rows {
			all = sum(all, c.Counts)
		}
		between := r.scopes().Internal
		for i := range r.s.Nets.Networks {
			between = minus(between, r.s.Nets.Networks[i].Traffic[localnets.Inner])
		}
		check("pairs", all, between)
	}
}

func TestTopCloses(t *testing.T) {
	for _, maxFlows := range []int{1 << 14, 40, 1} {
		table := readTable(t, officeFile, maxFlows, officeNetworks...)
		for _, rows := range []int{1, 3, 10_000} {
			for _, filter := range []string{"", "net:office", "bytes>10kB", "net:nowhere or app:TLS"} {
				for _, hosts := range []int{0, 5} {
					q := TopRequest{Lists: Lists, Rows: rows, Sort: "bytes", Filter: strings.ReplaceAll(filter, "net:nowhere", "net:guests"), maxHosts: hosts}
					checkTopCloses(t, fmt.Sprintf("table of %d, %+v", maxFlows, q), withTop(t, table, q))
				}
			}
		}
	}
}

// Every list is in the order that was asked for, and has the figures of the flows.
func TestTopOrders(t *testing.T) {
	table := readTable(t, officeFile, 1<<14, officeNetworks...)
	var all []flows.Flow
	table.Flows(func(f *flows.Flow) bool { all = append(all, *f); return true })
	for name, by := range FlowOrders {
		for _, ascending := range []bool{false, true} {
			r := withTop(t, table, TopRequest{Lists: []string{ListFlows}, Rows: 20, Sort: name, Ascending: ascending})
			less := Ordered(by, !ascending, FlowTie)
			slices.SortFunc(all, func(a, b flows.Flow) int {
				if less(&a, &b) {
					return -1
				}
				return 1
			})
			for i, row := range r.top.Flows.Rows {
				want := FlowOf(&all[i], r.s.Nets, nil)
				if row.Client != want.Client || row.Server != want.Server || row.FromClient != want.FromClient {
					t.Errorf("%s, ascending %v, row %d: %+v, want %+v", name, ascending, i, row, want)
				}
			}
			if n := r.top.Flows.Total; n != len(all) || len(r.top.Flows.Rows) != 20 {
				t.Errorf("%s: %d flows, %d rows", name, n, len(r.top.Flows.Rows))
			}
		}
	}
	for _, list := range Lists {
		for _, sort := range orders(list) {
			q := TopRequest{Lists: []string{list}, Rows: 3, Sort: sort}
			if err := q.Validate(); err != nil {
				t.Error(err)
			}
			checkTopCloses(t, list+" by "+sort, withTop(t, table, q))
		}
	}
}

func TestTopRequestErrors(t *testing.T) {
	for want, q := range map[string]TopRequest{
		`no list "ports"; lists are hosts, flows, protocols, matrix`: {Lists: []string{"ports"}, Rows: 1, Sort: "bytes"},
		"want 1 to 10000":                     {Lists: Lists, Sort: "bytes"},
		`matrix cannot be sorted by "rtt"`:    {Lists: []string{ListFlows, ListMatrix}, Rows: 1, Sort: "rtt"},
		"the matrix has no filter":            {Lists: []string{ListMatrix}, Rows: 1, Sort: "bytes", Filter: "port:80"},
		`protocols cannot be sorted by "last`: {Lists: []string{ListProtocols}, Rows: 1, Sort: "last"},
	} {
		if err := q.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", q, err, want)
		}
	}
	r := New(readTable(t, officeFile, 1<<14).Snapshot(), nil)
	for _, q := range []TopRequest{{Lists: []string{ListFlows}, Rows: 1, Sort: "bytes", Filter: "port:x"}, {Lists: []string{ListHosts}, Rows: 1, Sort: "bytes", Filter: "port:80"}} {
		if _, err := r.MakeTop(q, func(func(*flows.Flow) bool) {}); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
}

// hostileTop has names that would steer a terminal.
func hostileTop(t *testing.T, lists ...string) *Report {
	r := withTop(t, readTable(t, officeFile, 40, officeNetworks...), TopRequest{Lists: lists, Rows: 5, Sort: "bytes"})
	names := map[netip.Addr]string{}
	for _, addr := range r.top.Addresses() {
		names[addr] = "\x1b]0;owned\x07\r\n\u202e\xff\x00</script>"
	}
	r.top.SetNames(names)
	if f := r.top.Flows; f != nil {
		f.Rows[0].ServerName = "\x1b[2J"
	}
	return r
}

func TestTopTable(t *testing.T) {
	r := hostileTop(t, Lists...)
	for _, width := range []int{40, 60, 80, 120, 300} {
		text := string(written(t, func(w io.Writer) error { return r.WriteTable(w, TableOptions{Width: width}) }))
		for _, line := range strings.Split(text, "\n") {
			if got := utf8.RuneCountInString(line); got > width {
				t.Errorf("width %d: line of %d: %q", width, got, line)
			}
		}
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\r\x00\x07\u202e") {
			t.Errorf("width %d: the table can steer a terminal", width)
		}
		for _, want := range []string{"Top hosts", "Top flows", "Top protocols", "Top pairs", "flows ended", "captured", "evicted"} {
			if !strings.Contains(text, want) {
				t.Errorf("width %d: no %q", width, want)
			}
		}
		if strings.Contains(text, "Between networks") {
			t.Errorf("width %d: the matrix is there twice", width)
		}
	}
}

// The CSV of a list holds its rows and sums, and no character that a terminal obeys.
func TestTopCSV(t *testing.T) {
	for _, list := range Lists {
		r := hostileTop(t, list)
		raw := written(t, r.WriteTopCSV)
		if bytes.ContainsAny(raw, "\x1b\r\x00\x07") {
			t.Errorf("%s: the CSV can steer a terminal", list)
		}
		table, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		column := slices.IndexFunc(table[0], func(name string) bool { return name == "bytes" || name == "bytes_sent" })
		var sum uint64
		for _, row := range table[1:] {
			n, err := strconv.ParseUint(row[column], 10, 64)
			if err != nil {
				t.Errorf("%s: %v", list, err)
			}
			sum += n
		}
		want := r.s.Capture.Bytes
		if list == ListMatrix {
			if want = r.scopes().Internal.Bytes; r.s.Nets.Networks[0].Traffic[localnets.Inner].Bytes == 0 {
				t.Fatal("the sample has no inner traffic")
			}
			for i := range r.s.Nets.Networks {
				want -= r.s.Nets.Networks[i].Traffic[localnets.Inner].Bytes
			}
		}
		if sum != want {
			t.Errorf("%s: the CSV sums to %d bytes, want %d", list, sum, want)
		}
	}
}

// The lists of real captures close and follow the schema, with a table that is large enough and one that is not.
func TestCorpusTop(t *testing.T) {
	root := filepath.Join(testneed.Shared(t), "pcaps")
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(file) == root || filepath.Base(filepath.Dir(file)) == "load" {
			return err
		}
		read++
		for _, maxFlows := range []int{1 << 14, 8} {
			r := withTop(t, readTable(t, file, maxFlows), TopRequest{Lists: Lists, Rows: 4, Sort: "bytes"})
			checkTopCloses(t, file, r)
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, r.WriteJSON)))
			if err == nil {
				err = schema.Validate(doc)
			}
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
		return nil
	})
	if err != nil || read < 100 {
		t.Errorf("read %d files, error %v", read, err)
	}
}
