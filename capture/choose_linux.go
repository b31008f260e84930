package capture

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// procNet is the calling thread's network namespace in /proc (proc_net(5)).
const procNet = "/proc/thread-self/net/"

// candidates are the interfaces with their traffic and default routes.
func candidates() ([]candidate, error) {
	infos, err := Interfaces()
	if err != nil {
		return nil, err
	}
	received := map[string]uint64{}
	err = eachLine("dev", func(line string) {
		// "  eth0: bytes packets ..." (dev_seq_printf_stats in net/core/net-procfs.c)
		name, rest, ok := strings.Cut(line, ":")
		if f := strings.Fields(rest); ok && len(f) > 0 {
			received[strings.TrimSpace(name)], _ = strconv.ParseUint(f[0], 10, 64) // a header has no number
		}
	})
	if err != nil {
		return nil, err
	}
	metrics, err := defaultRoutes()
	if err != nil {
		return nil, err
	}
	list := make([]candidate, len(infos))
	for i, info := range infos {
		list[i] = candidate{InterfaceInfo: info, received: received[info.Name]}
		list[i].metric, list[i].defaultRoute = metrics[info.Name], false
		_, list[i].defaultRoute = metrics[info.Name]
	}
	return list, nil
}

// defaultRoutes gives the least metric of each interface's default routes, of both families.
func defaultRoutes() (map[string]uint32, error) {
	routes := map[string]uint32{}
	add := func(name, metric string, base int) {
		m, err := strconv.ParseUint(metric, base, 32)
		if err != nil {
			return
		}
		if old, ok := routes[name]; !ok || uint32(m) < old {
			routes[name] = uint32(m)
		}
	}
	// Iface Destination Gateway Flags RefCnt Use Metric Mask ... (fib_route_seq_show in net/ipv4/fib_trie.c)
	err := eachLine("route", func(line string) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || !routeUp(f[3]) {
			return
		}
		add(f[0], f[6], 10)
	})
	if err != nil {
		return nil, err
	}
	// Destination length source length next-hop metric refcnt use flags device, in hexadecimal
	// (rt6_info_route in net/ipv6/route.c); no file without IPv6.
	err = eachLine("ipv6_route", func(line string) {
		f := strings.Fields(line)
		if len(f) < 10 || f[0] != strings.Repeat("0", 32) || f[1] != "00" || f[9] == "lo" || !routeUp(f[8]) {
			return
		}
		add(f[9], f[5], 16)
	})
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return routes, nil
}

// routeUp reports whether RTF_UP is in flags and RTF_REJECT is not (include/uapi/linux/route.h).
func routeUp(flags string) bool {
	f, err := strconv.ParseUint(flags, 16, 32)
	return err == nil && f&0x1 != 0 && f&0x200 == 0
}

// eachLine calls f with each line of a file of procNet.
func eachLine(name string, f func(line string)) error {
	file, err := os.Open(procNet + name)
	if err != nil {
		return err // *os.PathError: it has operation and object
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for s.Scan() {
		f(s.Text())
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("read %s%s: %w", procNet, name, err)
	}
	return nil
}
