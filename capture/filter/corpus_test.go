package filter_test

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/packet"
)

// corpusFrames are up to 400 frames of each capture, by link type.
func corpusFrames(t *testing.T) map[packet.LinkType][]packet.Frame {
	t.Helper()
	root := filepath.Join(testneed.Shared(t), "pcaps")
	frames := map[packet.LinkType][]packet.Frame{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src := capture.OpenFiles([]string{path}, nil)
		defer src.Close()
		var b packet.Block
		for n := 0; n < 400; {
			if err := src.ReadBlock(&b); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			for _, f := range b.Frames[:min(len(b.Frames), 400-n)] {
				f.Data = append([]byte(nil), f.Data...)
				frames[f.Link] = append(frames[f.Link], f)
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestAgreesWithTcpdumpOnTheCorpus(t *testing.T) {
	tcpdump := testneed.Command(t, "tcpdump", "tcpdump")
	frames := corpusFrames(t)
	for _, l := range tcpdumpLinks {
		list := frames[l.link]
		if len(list) == 0 {
			continue
		}
		matched := 0
		for i, expr := range everyLink {
			if l.link != packet.LinkEthernet && i%4 != 0 || differs(l.link, expr) != "" || looping(expr) {
				continue // the built frames have them all
			}
			want, err := tcpdumpProgram(t, tcpdump, l.name, expr)
			got, gotErr := compile(expr, filter.Target{Link: l.link})
			if err != nil || gotErr != nil {
				continue // TestAgreesWithTcpdump has it
			}
			for i := range list {
				f := &list[i]
				if wireless(l.link) && len(f.Data) < int(f.WireLen) || l.link == packet.LinkNull && otherFamily(f.Data) {
					continue
				}
				g, w := got.Match(f), want.Match(f)
				if g != w {
					t.Errorf("%s: %q on % x (%d of %d bytes): got %v, tcpdump %v", l.name, expr, f.Data, len(f.Data), f.WireLen, g, w)
					break
				}
				if g {
					matched++
				}
			}
		}
		t.Logf("%s: %d frames, %d matches", l.name, len(list), matched)
	}
}

// otherFamily reports an address family that tcpdump, which knows those of this host alone, does not see.
func otherFamily(data []byte) bool {
	return len(data) < 4 || data[0] != 2 && data[0] != 10
}

// protochain: tcpdump's program jumps backwards, so the expected verdicts are by hand.
func TestProtochain(t *testing.T) {
	tests := []struct {
		expr string
		six  []int // the chain of headers after IPv6
		want bool
	}{
		{"ip6 protochain 6", []int{6}, true},
		{"ip6 protochain 6", []int{0, 6}, true},
		{"ip6 protochain 6", []int{0, 43, 60, 51, 6}, true},
		{"ip6 protochain 6", []int{0, 43, 60, 0, 60, 43, 60, 6}, true},
		{"ip6 protochain 6", []int{17}, false},
		{"ip6 protochain 6", []int{0, 59}, false},
		{"ip6 protochain 17", []int{44, 17}, true},
		{"ip6 protochain 51", []int{0, 51, 17}, true},
		{"ip6 protochain 59", []int{0, 59}, true},
		{"protochain \\tcp", []int{60, 6}, true},
		{"ip6 protochain \\udp", []int{50, 17}, false},
		{"ip protochain 6", []int{6}, false},
	}
	for _, tt := range tests {
		p, err := compile(tt.expr, filter.Target{Link: packet.LinkEthernet})
		if err != nil {
			t.Errorf("%q: %v", tt.expr, err)
			continue
		}
		var headers []byte
		for i, kind := range tt.six {
			next := 0
			if i+1 < len(tt.six) {
				next = tt.six[i+1]
			}
			switch kind {
			case 51:
				headers = cat(headers, next, 4, make([]byte, 22))
			case 0, 43, 60:
				headers = cat(headers, next, i%2, make([]byte, 6+8*(i%2)))
			case 44:
				headers = cat(headers, next, 0, make([]byte, 6))
			default:
				headers = cat(headers, make([]byte, 20))
			}
		}
		data := cat(mac1, mac2, uint16(0x86dd), ip6(tt.six[0], six1, six2, headers))
		if got := p.Match(&packet.Frame{Data: data, WireLen: uint32(len(data))}); got != tt.want {
			t.Errorf("%q on chain %v: got %v, want %v", tt.expr, tt.six, got, tt.want)
		}
	}
	ah := cat(mac1, mac2, uint16(0x0800), ip4(51, 0, cat(1, 1, 1, 1), addr1, addr2, cat(6, 4, make([]byte, 22), tcp(80, 80, 2, ""))))
	for expr, want := range map[string]bool{"ip protochain 6": true, "ip protochain 51": true, "ip protochain 17": false, "protochain 6": true} {
		p, err := compile(expr, filter.Target{Link: packet.LinkEthernet})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(&packet.Frame{Data: ah, WireLen: uint32(len(ah))}); got != want {
			t.Errorf("%q on AH: got %v, want %v", expr, got, want)
		}
	}
	if _, err := compile("ip protochain 6", filter.Target{Link: packet.LinkIEEE80211}); err == nil || !strings.Contains(err.Error(), "variable length") {
		t.Errorf("on 802.11: got %v", err)
	}
}
