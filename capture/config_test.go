package capture

import (
	"strings"
	"testing"
	"time"
)

func TestLiveConfigValidate(t *testing.T) {
	tests := map[string]struct {
		change func(*LiveConfig)
		want   []string // parts of the error; none: valid
	}{
		"defaults":                   {func(c *LiveConfig) {}, nil},
		"zeros":                      {func(c *LiveConfig) { *c = LiveConfig{Interface: "eth0"} }, nil},
		"smallest":                   {func(c *LiveConfig) { c.RingBytes, c.BlockBytes, c.Snaplen = 2<<16, 1<<16, 64 }, nil},
		"no interface":               {func(c *LiveConfig) { c.Interface = "" }, []string{"none is named"}},
		"any":                        {func(c *LiveConfig) { c.Interface = "any" }, []string{`"any" is not supported`, "twice"}},
		"long name":                  {func(c *LiveConfig) { c.Interface = "sixteen-bytes-if" }, []string{"longer than the 15 bytes"}},
		"path as name":               {func(c *LiveConfig) { c.Interface = "../eth0" }, []string{"not an interface name"}},
		"block no power of two":      {func(c *LiveConfig) { c.BlockBytes = 3 << 16 }, []string{"196608 bytes is not a power of two"}},
		"block below page":           {func(c *LiveConfig) { c.BlockBytes = 1024 }, []string{"1024 bytes is not a power of two"}},
		"block negative":             {func(c *LiveConfig) { c.BlockBytes = -1 << 20 }, []string{"not a power of two"}},
		"block too large":            {func(c *LiveConfig) { c.BlockBytes = 32 << 20 }, []string{"not a power of two in"}},
		"ring of one block":          {func(c *LiveConfig) { c.RingBytes = 1 << 20 }, []string{"1048576 bytes is not a multiple"}},
		"ring of part of a block":    {func(c *LiveConfig) { c.RingBytes = 5 << 19 }, []string{"2621440 bytes is not a multiple"}},
		"ring negative":              {func(c *LiveConfig) { c.RingBytes = -64 << 20 }, []string{"not a multiple"}},
		"retire timeout below 1 ms":  {func(c *LiveConfig) { c.RetireTimeout = time.Microsecond }, []string{"1µs is not in 1ms..1s"}},
		"retire timeout above 1 s":   {func(c *LiveConfig) { c.RetireTimeout = time.Minute }, []string{"1m0s is not in 1ms..1s"}},
		"snap length without header": {func(c *LiveConfig) { c.Snaplen = 63 }, []string{"snap length: 63"}},
		"all faults at once": {
			func(c *LiveConfig) { *c = LiveConfig{BlockBytes: 1, RetireTimeout: -1, Snaplen: -1} },
			[]string{"none is named", "capture block", "retire timeout", "snap length"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := DefaultLiveConfig()
			c.Interface = "eth0"
			tc.change(&c)
			err := c.Validate()
			if (err == nil) != (tc.want == nil) {
				t.Fatalf("Validate() of %+v: %v, want parts %q", c, err, tc.want)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Validate() of %+v: %v, want in it %q", c, err, part)
				}
			}
		})
	}
}

func TestLiveConfigZerosAreDefaults(t *testing.T) {
	want := DefaultLiveConfig()
	got := LiveConfig{Promiscuous: true}.withDefaults()
	if got != want {
		t.Errorf("zeros stand for %+v, DefaultLiveConfig is %+v", got, want)
	}
}

func TestLiveConfigBlocks(t *testing.T) {
	for size, want := range map[int]int{
		minRingBytes: MinBlockBytes, 8 << 20: MinBlockBytes, 15 << 20: MinBlockBytes, 16 << 20: 2 << 20, 27 << 20: 2 << 20,
		32 << 20: 4 << 20, 64 << 20: 8 << 20, 1 << 30: 8 << 20,
	} {
		if got := new(LiveConfig).blockBytes(size); got != want {
			t.Errorf("blocks of %d bytes in a ring of %d, want %d", got, size, want)
		}
	}
	if got := (&LiveConfig{BlockBytes: 1 << 14}).blockBytes(64 << 20); got != 1<<14 {
		t.Errorf("blocks of %d bytes, want those that were asked for", got)
	}
}
