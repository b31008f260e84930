package localnets_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/netmond/netmond/localnets"
	"pgregory.net/rapid"
)

// nets makes a list from "PREFIX", "PREFIX NAME" or "PREFIX NAME ALIAS".
func nets(lines ...string) []localnets.Network {
	var list []localnets.Network
	for i, line := range lines {
		f := strings.SplitN(line, " ", 3)
		n := localnets.Network{ID: int32(i), Prefix: netip.MustParsePrefix(f[0]), Name: f[0]}
		if len(f) > 1 {
			n.Name = f[1]
		}
		if len(f) > 2 {
			n.Alias = f[2]
		}
		list = append(list, n)
	}
	return list
}

var cmpNets = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// write makes a list file and the working directory its folder.
func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestParseList(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "plain.txt", "# the offices\n192.0.2.0/24=Office\n\n 198.51.100.0/24 = \"Data centre\" , 2001:db8::/32\t# trailing\n")
	write(t, "crlf.txt", "\xef\xbb\xbf192.0.2.0/24=A,\r\n203.0.113.0/24,\r\n#end\r\n")
	write(t, "a,b.txt", "192.0.2.0/24")
	write(t, "10.0.0.0", "192.0.2.0/24")
	if err := os.Mkdir("conf.d", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join("conf.d", "nets"), "2001:db8:1::/48\n")

	for _, tt := range []struct {
		name  string
		specs []string
		want  []localnets.Network
	}{
		{"one", []string{"192.0.2.0/24"}, nets("192.0.2.0/24")},
		{"list with aliases", []string{"192.0.2.0/24=LAN,2001:db8::/32=LAN"}, nets("192.0.2.0/24 192.0.2.0/24 LAN", "2001:db8::/32 2001:db8::/32 LAN")},
		{"several lists", []string{"192.0.2.0/24", "198.51.100.0/24"}, nets("192.0.2.0/24", "198.51.100.0/24")},
		{"blanks and quotes", []string{` "192.0.2.0/24" = "Main office" , 198.51.100.0/24 `}, nets("192.0.2.0/24 192.0.2.0/24 Main office", "198.51.100.0/24")},
		{"alias with equals sign and slash", []string{"192.0.2.0/24=a=b/c"}, nets("192.0.2.0/24 192.0.2.0/24 a=b/c")},
		{"alias not ASCII", []string{"192.0.2.0/24=Büro №1"}, nets("192.0.2.0/24 192.0.2.0/24 Büro №1")},
		{"alias of 63 bytes", []string{"192.0.2.0/24=" + strings.Repeat("x", 63)}, nets("192.0.2.0/24 192.0.2.0/24 " + strings.Repeat("x", 63))},
		{"no mask", []string{"192.0.2.1,2001:db8::1"}, nets("192.0.2.1/32 192.0.2.1", "2001:db8::1/128 2001:db8::1")},
		{"host bits", []string{"192.0.2.77/24,2001:db8::1/32"}, nets("192.0.2.0/24 192.0.2.77/24", "2001:db8::/32 2001:db8::1/32")},
		{"dotted mask", []string{"10.1.2.3/255.0.0.0,192.0.2.1/255.255.255.255,0.0.0.0/0.0.0.0"}, nets("10.0.0.0/8 10.1.2.3/255.0.0.0", "192.0.2.1/32 192.0.2.1/255.255.255.255", "0.0.0.0/0 0.0.0.0/0.0.0.0")},
		{"IPv4-mapped", []string{"::ffff:10.0.0.0/104,::ffff:192.0.2.1,::ffff:0:0/96"}, nets("10.0.0.0/8 ::ffff:10.0.0.0/104", "192.0.2.1/32 ::ffff:192.0.2.1", "0.0.0.0/0 ::ffff:0:0/96")},
		{"all of both families", []string{"0.0.0.0/0,::/0"}, nets("0.0.0.0/0", "::/0")},
		{"IPv6 written out", []string{"2001:0DB8:0:0:0:0:0:0/32"}, nets("2001:db8::/32 2001:0DB8:0:0:0:0:0:0/32")},
		{"nested", []string{"10.0.0.0/8,10.0.0.0/16"}, nets("10.0.0.0/8", "10.0.0.0/16")},
		{"file", []string{"plain.txt"}, nets("192.0.2.0/24 192.0.2.0/24 Office", "198.51.100.0/24 198.51.100.0/24 Datacentre", "2001:db8::/32")},
		{"file with CRLF and BOM", []string{"crlf.txt"}, nets("192.0.2.0/24 192.0.2.0/24 A", "203.0.113.0/24")},
		{"file with a comma in its name", []string{"a,b.txt"}, nets("192.0.2.0/24")},
		{"marked file with a comma in its name", []string{"@a,b.txt"}, nets("192.0.2.0/24")},
		{"file in a folder", []string{"conf.d/nets"}, nets("2001:db8:1::/48")},
		{"file that looks like an address is an address", []string{"10.0.0.0"}, nets("10.0.0.0/32 10.0.0.0")},
		{"marked file that looks like an address", []string{"@10.0.0.0"}, nets("192.0.2.0/24")},
		{"dotted path that looks like an address", []string{"./10.0.0.0"}, nets("192.0.2.0/24")},
		{"list with files", []string{"10.0.0.0/8,@conf.d/nets,crlf.txt"}, nets("10.0.0.0/8", "2001:db8:1::/48", "192.0.2.0/24 192.0.2.0/24 A", "203.0.113.0/24")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := localnets.ParseList(tt.specs)
			if err != nil {
				t.Fatalf("ParseList(%q): %v", tt.specs, err)
			}
			if diff := cmp.Diff(tt.want, got, cmpNets); diff != "" {
				t.Errorf("ParseList(%q) (-want +got):\n%s", tt.specs, diff)
			}
		})
	}
}

func TestParseListErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "bad.txt", "192.0.2.0/24\n# fine\n192.0.2.0/33, oops\n10.0.0.0/8, 192.0.2.9/24\n@other.txt\n,\n10.1.0.0/16=\n")
	write(t, "empty.txt", "# nothing\r\n\n")
	write(t, "utf16.txt", "\xff\xfe1\x000\x00")
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name  string
		specs []string
		want  []string // lines of the error, in full
	}{
		{"none", nil, []string{"-m: no networks"}},
		{"empty", []string{""}, []string{"-m: empty entry"}},
		{"empty entry", []string{"192.0.2.0/24,,10.0.0.0/8"}, []string{"-m entry 2: empty entry"}},
		{"only an alias", []string{"=LAN"}, []string{"-m: empty entry"}},
		{"address", []string{"300.1.1.1/8"}, []string{`-m: invalid address "300.1.1.1": IPv4 field has value >255`}},
		{"leading zero", []string{"010.0.0.0/8"}, []string{`-m: invalid address "010.0.0.0": IPv4 field has octet with leading zero`}},
		{"short", []string{"10/8"}, []string{`-m: invalid address "10": unable to parse IP`}},
		{"MAC address", []string{"00:00:5e:00:53:01"}, []string{`-m: invalid address "00:00:5e:00:53:01": address string too short`}},
		{"IPv4 length", []string{"192.0.2.0/33"}, []string{"-m: 192.0.2.0/33: prefix length 33 is larger than 32"}},
		{"IPv6 length", []string{"2001:db8::/129"}, []string{"-m: 2001:db8::/129: prefix length 129 is larger than 128"}},
		{"enormous length", []string{"192.0.2.0/99999999999999999999"}, []string{"-m: 192.0.2.0/99999999999999999999: prefix length 99999999999999999999 is larger than 32"}},
		{"negative length", []string{"192.0.2.0/-1"}, []string{`-m: 192.0.2.0/-1: invalid prefix length "-1"`}},
		{"padded length", []string{"192.0.2.0/08"}, []string{`-m: 192.0.2.0/08: invalid prefix length "08": leading zero`}},
		{"no length", []string{"192.0.2.0/"}, []string{"-m: 192.0.2.0/: empty prefix length"}},
		{"two lengths", []string{"192.0.2.0/24/8"}, []string{`-m: 192.0.2.0/24/8: invalid prefix length "24/8"`}},
		{"wildcard mask", []string{"192.0.2.0/0.0.0.255"}, []string{`-m: 192.0.2.0/0.0.0.255: mask "0.0.0.255" is not contiguous`}},
		{"torn mask", []string{"192.0.2.0/255.0.255.0"}, []string{`-m: 192.0.2.0/255.0.255.0: mask "255.0.255.0" is not contiguous`}},
		{"broken mask", []string{"192.0.2.0/255.255.0"}, []string{`-m: 192.0.2.0/255.255.0: invalid mask "255.255.0"`}},
		{"IPv6 mask", []string{"2001:db8::/255.0.0.0"}, []string{`-m: 2001:db8::/255.0.0.0: dotted mask "255.0.0.0": only an IPv4 address can have one`}},
		{"zone", []string{"fe80::1%eth0/64"}, []string{"-m: an address with a zone cannot name a network"}},
		{"mapped and too short", []string{"::ffff:10.0.0.0/95"}, []string{"-m: IPv4-mapped prefix shorter than /96: it would cover more than IPv4"}},
		{"empty alias", []string{"192.0.2.0/24="}, []string{"-m: empty alias"}},
		{"long alias", []string{"192.0.2.0/24=" + strings.Repeat("x", 64)}, []string{`-m: alias "` + strings.Repeat("x", 64) + `" is longer than 63 bytes`}},
		{"alias not UTF-8", []string{"192.0.2.0/24=\xff"}, []string{`-m: alias "\xff" is not UTF-8`}},
		{"alias that turns text round", []string{"192.0.2.0/24=a\u202eb"}, []string{`-m: alias "a\u202eb" has characters that do not print`}},
		{"alias with a control character", []string{"192.0.2.0/24=a\x1b[31m"}, []string{`-m: alias "a\x1b[31m" has characters that do not print`}},
		{"duplicate", []string{"192.0.2.0/24,192.0.2.0/24"}, []string{"-m entry 2: network 192.0.2.0/24 is given twice, first at -m entry 1"}},
		{"duplicate in other words", []string{"10.0.0.0/8", "::ffff:10.9.9.9/104"}, []string{"-m 2: network 10.0.0.0/8 is given twice (as ::ffff:10.9.9.9/104), first at -m 1"}},
		{"no such file", []string{"nets.txt"}, []string{`-m: "nets.txt" is neither a network nor a file: invalid address "nets.txt": unexpected character`}},
		{"no such path", []string{"/no/such/nets"}, []string{`-m: "/no/such/nets" is neither a network nor a file: empty address`}},
		{"no such marked file", []string{"@nets.txt"}, []string{"-m: network list: stat nets.txt: no such file or directory"}},
		{"no file name", []string{"@"}, []string{"-m: no file name after @"}},
		{"folder", []string{"folder"}, []string{`-m: "folder" is a directory, neither a network nor a file`}},
		{"marked folder", []string{"@folder"}, []string{"-m: network list folder: not a regular file"}},
		{"device", []string{"/dev/null"}, []string{`-m: "/dev/null" is not a regular file`}},
		{"file without networks", []string{"empty.txt"}, []string{"-m: empty.txt: no networks in this file"}},
		{"file in UTF-16", []string{"utf16.txt"}, []string{"-m: network list utf16.txt: is UTF-16; save it as UTF-8"}},
		{"all at once, with file and line", []string{"10.0.0.0/40", "bad.txt"}, []string{
			"-m 1: 10.0.0.0/40: prefix length 40 is larger than 32",
			"bad.txt:3 entry 1: 192.0.2.0/33: prefix length 33 is larger than 32",
			`bad.txt:3 entry 2: invalid address "oops": unable to parse IP`,
			"bad.txt:4 entry 2: network 192.0.2.0/24 is given twice (as 192.0.2.9/24), first at bad.txt:1",
			`bad.txt:5: invalid address "@other.txt": unexpected character`,
			"bad.txt:7: empty alias",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := localnets.ParseList(tt.specs)
			if err == nil {
				t.Fatalf("ParseList(%q) = %v, want an error", tt.specs, got)
			}
			if diff := cmp.Diff(tt.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("error of ParseList(%q) (-want +got):\n%s", tt.specs, diff)
			}
			if got != nil {
				t.Errorf("ParseList(%q) gave %d networks beside its error", tt.specs, len(got))
			}
		})
	}
}

// A list file full of junk gives few errors, whatever its size and shape.
func TestParseListJunk(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"lines":      strings.Repeat("junk\n", 2<<20),
		"one line":   strings.Repeat("junk,", 2<<20),
		"one entry":  strings.Repeat("junk", 5<<19),
		"one alias":  "192.0.2.0/24=" + strings.Repeat("x", 10<<20),
		"zero bytes": strings.Repeat("\x00\n", 5<<20),
		"duplicates": strings.Repeat("10.0.0.0/8\n", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			write(t, "junk.txt", content)
			_, err := localnets.ParseList([]string{"junk.txt"})
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) > 21 || len(err.Error()) > 8<<10 {
				t.Errorf("%d lines and %d bytes of error, want at most 21 and 8 kB", len(lines), len(err.Error()))
			}
			if want := "and 9980 further errors; what follows was not read"; name == "lines" && lines[20] != want {
				t.Errorf("last line %q, want %q", lines[20], want)
			}
		})
	}
	write(t, "some.txt", strings.Repeat("junk\n", 25))
	if _, err := localnets.ParseList([]string{"some.txt"}); err == nil || !strings.HasSuffix(err.Error(), "\nand 5 further errors") {
		t.Errorf("25 errors: %v", err)
	}
	write(t, "large.txt", "")
	if err := os.Truncate("large.txt", 64<<20+1); err != nil {
		t.Fatal(err)
	}
	if _, err := localnets.ParseList([]string{"large.txt"}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("file over the bound: error %v", err)
	}
}

func TestParseListMany(t *testing.T) {
	const n = 65536
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "10.%d.%d.0/24=net %d\n", i>>8, i&255, i)
	}
	t.Chdir(t.TempDir())
	write(t, "nets.txt", b.String())
	list, err := localnets.ParseList([]string{"nets.txt"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := localnets.New(localnets.DefaultConfig(), list)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(r.Snapshot().Networks); got != n {
		t.Fatalf("%d networks, want %d", got, n)
	}
	for _, i := range []int{0, 1, 1023, 1024, 32768, n - 1} {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 9}).As16()
		if m := r.Table().Lookup(&a, true); m.Net != int32(i) {
			t.Errorf("network %d: found %d", i, m.Net)
		}
	}
}

// What ParseList accepts, New accepts, and the canonical text of a network reads as itself.
func TestParseListRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := rapid.OneOf(
			rapid.StringMatching(`([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?(=[a-z]{0,3})?(,([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}){0,3}`),
			rapid.StringMatching(`[0-9a-f:.]{2,20}/[0-9]{1,3}`),
		).Draw(t, "spec")
		list, err := localnets.ParseList([]string{spec})
		if err != nil {
			return
		}
		if _, err := localnets.New(localnets.DefaultConfig(), list); err != nil {
			t.Fatalf("ParseList(%q) gave a list that New refuses: %v", spec, err)
		}
		for _, n := range list {
			again, err := localnets.ParseList([]string{n.Prefix.String()})
			if err != nil || again[0].Prefix != n.Prefix {
				t.Fatalf("canonical %v reads as %v, %v", n.Prefix, again, err)
			}
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"192.0.2.0/24=LAN,2001:db8::/32", "::ffff:10.0.0.0/104", "10.0.0.0/255.0.0.0", "@", "a\"): b", "fe80::%1/64", "\xff=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		// As a file, so that no spec names one of this machine.
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := localnets.ParseList([]string{"@" + path})
		if (err == nil) == (len(list) == 0) {
			t.Fatalf("%d networks and error %v", len(list), err)
		}
		if _, err := localnets.New(localnets.Config{}, list); err != nil {
			t.Fatalf("New refuses the list of %q: %v", spec, err)
		}
		for _, n := range list {
			if len(n.Alias) > 63 {
				t.Fatalf("alias %q", n.Alias)
			}
		}
	})
}

func TestDefaultNetworks(t *testing.T) {
	private := []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"}
	for _, tt := range []struct {
		name string
		own  []string
		want []string // before the private space
		less string   // of the private space, what own already had
	}{
		{"none", nil, nil, ""},
		{"masked", []string{"192.0.2.7/24", "2001:db8::7/64", "fe80::5/64"}, []string{"192.0.2.0/24", "2001:db8::/64", "fe80::/64"}, ""},
		{"doubled", []string{"192.0.2.7/24", "192.0.2.8/24"}, []string{"192.0.2.0/24"}, ""},
		{"single address inside another", []string{"192.0.2.9/32", "192.0.2.7/24", "2001:db8::1/128", "2001:db8::7/64"}, []string{"192.0.2.0/24", "2001:db8::/64"}, ""},
		{"single address alone", []string{"198.51.100.1/32", "10.0.0.1/32"}, []string{"198.51.100.1/32", "10.0.0.1/32"}, ""},
		{"own is private space", []string{"10.1.2.3/8"}, []string{"10.0.0.0/8"}, "10.0.0.0/8"},
		{"loopback interface", []string{"127.0.0.1/8", "::1/128"}, []string{"127.0.0.0/8", "::1/128"}, "127.0.0.0/8 ::1/128"},
		{"everything", []string{"0.0.0.0/0", "::/0"}, nil, ""},
		{"mapped", []string{"::ffff:192.0.2.1/120"}, []string{"192.0.2.0/24"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			own := []netip.Prefix{{}} // what is invalid is left out
			for _, s := range tt.own {
				own = append(own, netip.MustParsePrefix(s))
			}
			want := append([]string(nil), tt.want...)
			for _, p := range private {
				if !strings.Contains(" "+tt.less+" ", " "+p+" ") {
					want = append(want, p)
				}
			}
			got := localnets.DefaultNetworks(own)
			if diff := cmp.Diff(nets(want...), got, cmpNets); diff != "" {
				t.Errorf("DefaultNetworks(%v) (-want +got):\n%s", tt.own, diff)
			}
			if _, err := localnets.New(localnets.DefaultConfig(), got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseEntries(t *testing.T) {
	file := filepath.Join(t.TempDir(), "more.txt")
	if err := os.WriteFile(file, []byte("198.51.100.0/24=lab # a comment\n203.0.113.0/24\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := localnets.ParseEntries([]localnets.Entry{{"192.0.2.7/24", "a, b = c", "x.yaml:2:5"}, {"2001:db8::/32", "", "x.yaml:3:5"}}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, n := range got {
		lines = append(lines, fmt.Sprintf("%d %v %s %q", n.ID, n.Prefix, n.Name, n.Alias))
	}
	want := []string{`0 192.0.2.0/24 192.0.2.7/24 "a, b = c"`, `1 2001:db8::/32 2001:db8::/32 ""`, `2 198.51.100.0/24 198.51.100.0/24 "lab"`, `3 203.0.113.0/24 203.0.113.0/24 ""`}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("networks (-want +got):\n%s", diff)
	}
	_, err = localnets.ParseEntries([]localnets.Entry{{"192.0.2.0/24", "", "x.yaml:2:5"}, {"192.0.2.9/24", "", "x.yaml:3:5"}, {"nonsense", "", "x.yaml:4:5"}}, []string{"no-such-file"})
	for _, want := range []string{"x.yaml:3:5: network 192.0.2.0/24 is given twice (as 192.0.2.9/24), first at x.yaml:2:5", "x.yaml:4:5: ", "no-such-file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q", err, want)
		}
	}
}
