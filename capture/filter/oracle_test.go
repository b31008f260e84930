package filter_test

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// tcpdumpLinks are the link types that are compared, by the name that tcpdump -y knows. SLIP is not:
// tcpdump looks for the IP version in its pseudo-header.
var tcpdumpLinks = []struct {
	link packet.LinkType
	name string
}{
	{packet.LinkEthernet, "EN10MB"}, {packet.LinkRaw, "RAW"}, {packet.LinkIPv4, "IPV4"}, {packet.LinkIPv6, "IPV6"},
	{packet.LinkNull, "NULL"}, {packet.LinkLoop, "LOOP"}, {packet.LinkEnc, "ENC"},
	{packet.LinkLinuxSLL, "LINUX_SLL"}, {packet.LinkLinuxSLL2, "LINUX_SLL2"}, {packet.LinkPPP, "PPP"},
	{packet.LinkPPPSerial, "PPP_SERIAL"}, {packet.LinkPPPEther, "PPP_ETHER"}, {packet.LinkCiscoHDLC, "C_HDLC"},
	{packet.LinkATMRFC1483, "ATM_RFC1483"}, {packet.LinkIEEE80211, "IEEE802_11"},
	{packet.LinkRadiotap, "IEEE802_11_RADIO"}, {packet.LinkPPI, "PPI"}, {packet.LinkPrism, "PRISM_HEADER"},
	{packet.LinkAVS, "IEEE802_11_RADIO_AVS"},
}

// tcpdumpProgram is the program that tcpdump makes, or its refusal.
func tcpdumpProgram(t testing.TB, tcpdump, link, expr string) (*filter.Program, error) {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(tcpdump, "-y", link, "-ddd", "--", expr)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, errors.New(strings.TrimSpace(stderr.String()))
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := filter.ParseDump(string(out))
	if err != nil && strings.Contains(err.Error(), "is not set") {
		return nil, errUnsound
	}
	if err != nil {
		t.Fatalf("tcpdump's program for %q: %v\n%s", expr, err, out)
	}
	return p, nil
}

// errUnsound stands for programs of tcpdump that read memory which they have not set: the kernel
// refuses them, and in user space what they do is chance.
var errUnsound = errors.New("tcpdump's program is not sound")

// looping are expressions for which tcpdump's program jumps backwards, which no checker takes.
func looping(expr string) bool { return strings.Contains(expr, "protochain") }

// differs names the comparisons in which netmond is meant to differ from tcpdump, with the reason.
func differs(link packet.LinkType, expr string) string {
	switch {
	case (expr == "inbound" || expr == "outbound") && link != packet.LinkLinuxSLL && link != packet.LinkLinuxSLL2,
		strings.HasPrefix(expr, "ifindex") && link != packet.LinkLinuxSLL2:
		return "a file does not tell: refused, where tcpdump asks the kernel"
	case link == packet.LinkLinuxSLL2 && slices.Contains([]string{
		"iso", "clnp", "esis", "isis", "stp", "ipx", "netbeui", "atalk", "aarp", "ether proto 0x42", "ether proto 0xfe"}, expr):
		return "tcpdump knows LLC in version 1 of cooked captures only"
	}
	if strings.HasPrefix(expr, "byte ") && strings.ContainsAny(expr, "&|") {
		return "tcpdump forgets to load the byte"
	}
	return ""
}

func TestAgreesWithTcpdump(t *testing.T) {
	tcpdump := testneed.Command(t, "tcpdump", "tcpdump")
	for _, l := range tcpdumpLinks {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			frames := builtFrames(l.link)
			compared, refused, ours, theirs := 0, 0, 0, 0
			for _, expr := range everyLink {
				if differs(l.link, expr) != "" || looping(expr) {
					continue
				}
				want, wantErr := tcpdumpProgram(t, tcpdump, l.name, expr)
				got, gotErr := compile(expr, filter.Target{Link: l.link})
				if errors.Is(wantErr, errUnsound) && gotErr == nil {
					continue
				}
				if fault := (*filter.Error)(nil); wantErr == nil && errors.As(gotErr, &fault) && fault.MatchesNothing {
					got, gotErr = filter.Refuse(), nil // seen by us, not by tcpdump
				}
				if gotErr == nil && wantErr != nil && strings.Contains(wantErr.Error(), "rejects all packets") {
					want, wantErr = filter.Refuse(), nil // seen by tcpdump, not by us
				}
				if (wantErr == nil) != (gotErr == nil) {
					t.Errorf("%q: got %v, tcpdump %v", expr, gotErr, wantErr)
					continue
				}
				if wantErr != nil {
					refused++
					continue
				}
				compared++
				ours += got.Len()
				theirs += want.Len()
				if got.Len() > 2*want.Len()+4 && want.Len() > 1 {
					t.Errorf("%q: %d instructions, tcpdump's program has %d", expr, got.Len(), want.Len())
				}
				for i := range frames {
					f := &frames[i]
					if wireless(l.link) && len(f.Data) < int(f.WireLen) {
						continue // what libpcap looks at first behind a header of variable length is chance
					}
					if g, w := got.Match(f), want.Match(f); g != w {
						t.Errorf("%q on % x (%d of %d bytes): got %v, tcpdump %v", expr, f.Data, len(f.Data), f.WireLen, g, w)
						break
					}
				}
			}
			t.Logf("%d expressions on %d frames, %d refused; %d instructions, tcpdump %d", compared, len(frames), refused, ours, theirs)
		})
	}
}

func wireless(link packet.LinkType) bool {
	switch link {
	case packet.LinkIEEE80211, packet.LinkRadiotap, packet.LinkPPI, packet.LinkPrism, packet.LinkAVS:
		return true
	}
	return false
}

func compile(expr string, target filter.Target) (*filter.Program, error) {
	e, err := filter.Parse(expr)
	if err != nil {
		return nil, err
	}
	return e.Compile(target)
}

// builtFrames are all frames that can be built for a link type, whole and cut at every length.
func builtFrames(link packet.LinkType) []packet.Frame {
	var frames []packet.Frame
	for _, b := range bodies() {
		for _, data := range carried(link, b) {
			whole := uint32(len(data))
			for n := len(data); n >= 0; n-- {
				frames = append(frames, packet.Frame{Data: data[:n:n], WireLen: whole, Link: link})
				if n > 110 && n < len(data)-2 {
					n = 110
				}
			}
		}
	}
	if len(frames) == 0 {
		panic(fmt.Sprintf("no frames for link type %v", link))
	}
	return frames
}
