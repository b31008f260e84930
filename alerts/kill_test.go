package alerts_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netmond/netmond/alerts"
)

var killCycles = flag.Int("kill-cycles", 20, "how often TestKill9 kills; 200 before a release")

// stormEnv names the data directory for the process that TestKill9 kills.
const stormEnv = "NETMOND_TEST_ALERT_STORM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(stormEnv); dir != "" {
		storm(dir)
	}
	if dir := os.Getenv(limitEnv); dir != "" {
		limited(dir)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// stormConfig has no quota in the way.
func stormConfig(dir string) alerts.Config {
	cfg := alerts.DefaultConfig()
	cfg.Dir, cfg.MaxPerCheckNetwork, cfg.MaxPerCheck = dir, 1<<30, 1<<30
	return cfg
}

// storm changes alerts from four goroutines as fast as it can, and writes a line for each change that
// was acknowledged, and one before each release. It ends by being killed. Lines: "e name" engaged,
// "t name" will be released, "r name" is released, "s name" recorded, "v name value" cached.
func storm(dir string) {
	s, err := alerts.Open(stormConfig(dir), quiet())
	if err != nil {
		fmt.Println("x", err)
		os.Exit(1)
	}
	var out sync.Mutex
	say := func(what ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(what...) // one write: whole, or not there
	}
	check := func(err error) {
		if err != nil {
			say("x", err)
		}
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
				a := alert(netA, name)
				_, err := s.Engage(a)
				check(err)
				say("e", name)
				check(s.SetCachedValue(netB, worker, "k", name))
				say("v", worker, name)
				if i%3 != 0 {
					say("t", name)
					_, _, err := s.Release(a.Key, a.Time+1)
					check(err)
					say("r", name)
				}
				if i%5 == 0 {
					// Many at once, of which all or none are acknowledged.
					ops := make([]alerts.Op, 20)
					for j := range ops {
						ops[j] = alerts.Op{Kind: alerts.OpRecord, Alert: alert(netB, fmt.Sprintf("%s-%d", name, j))}
					}
					for j, r := range s.Apply(ops) {
						check(r.Err)
						say("s", ops[j].Alert.Key.Key)
					}
				}
			}
		})
	}
	group.Wait()
}

// TestKill9 kills a process with signal 9 while it stores alerts: the file opens within a second,
// what was acknowledged is there, engaged or past as it was, and nothing is there twice.
func TestKill9(t *testing.T) {
	cycles := *killCycles
	if testing.Short() {
		cycles = min(cycles, 5)
	}
	exe, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	engaged, tried, past, recorded := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	var slowest time.Duration
	acknowledged := 0
	for cycle := range cycles {
		values := map[string]string{}
		child := exec.Command(exe)
		child.Env = append(os.Environ(), stormEnv+"="+dir)
		child.Stderr = os.Stderr
		pipe, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		limit := 1 + rng.IntN(1500) // the kill falls at a random change
		lines := bufio.NewScanner(pipe)
		for n := 0; lines.Scan(); n++ {
			if n == limit {
				must(t, child.Process.Kill())
			}
			acknowledged++
			switch f := strings.Fields(lines.Text()); f[0] {
			case "e":
				engaged[f[1]] = true
			case "t":
				tried[f[1]] = true
			case "r":
				past[f[1]] = true
			case "s":
				recorded[f[1]] = true
			case "v":
				values[f[1]] = f[2]
			default:
				t.Fatalf("cycle %d: %s", cycle, lines.Text())
			}
		}
		child.Wait() // killed
		begin := time.Now()
		s, err := alerts.Open(stormConfig(dir), quiet())
		took := time.Since(begin)
		must(t, err)
		slowest = max(slowest, took)
		if took > time.Second {
			t.Errorf("cycle %d: opened in %v", cycle, took)
		}
		inEngaged, inPast, inRecorded := counted(s, netA, engagedOnly), counted(s, netA, alerts.Filter{}), counted(s, netB, alerts.Filter{})
		for name := range engaged {
			switch {
			case past[name] && (inPast[name] != 1 || inEngaged[name] != 0):
				t.Errorf("cycle %d: released %s is there %d times, engaged %d", cycle, name, inPast[name], inEngaged[name])
			case !tried[name] && (inEngaged[name] != 1 || inPast[name] != 0):
				t.Errorf("cycle %d: engaged %s is there %d times, past %d", cycle, name, inEngaged[name], inPast[name])
			case inEngaged[name]+inPast[name] != 1:
				t.Errorf("cycle %d: %s is engaged %d times and past %d", cycle, name, inEngaged[name], inPast[name])
			}
		}
		for name := range recorded {
			if inRecorded[name] != 1 {
				t.Errorf("cycle %d: recorded %s is there %d times", cycle, name, inRecorded[name])
			}
		}
		for _, in := range []map[string]int{inEngaged, inPast, inRecorded} {
			for name, n := range in {
				if n != 1 {
					t.Errorf("cycle %d: %s is there %d times", cycle, name, n)
				}
			}
		}
		for ns, name := range values {
			// The next value may have been stored without having been acknowledged.
			n, err := strconv.Atoi(ns)
			must(t, err)
			if got := s.CachedValue(netB, n, "k"); number(t, got) < number(t, name) {
				t.Errorf("cycle %d: value %q, acknowledged was %q", cycle, got, name)
			}
		}
		if st := s.Stats(); st.SetAside != 0 {
			t.Fatalf("cycle %d: the file was set aside", cycle)
		}
		if cycle%10 == 9 { // begin anew, so that a page shows all
			for _, network := range []string{netA, netB} {
				_, err := s.ReleaseOrphans(nil, nil, 0)
				must(t, err)
				_, err = s.Delete(network, alerts.Filter{Status: alerts.StatusAny})
				must(t, err)
			}
			clear(engaged)
			clear(tried)
			clear(past)
			clear(recorded)
		}
		must(t, s.Close())
		if t.Failed() {
			return
		}
	}
	t.Logf("%d cycles, %d acknowledgements, slowest opening %v", cycles, acknowledged, slowest)
}

// counted is how often each key is there.
func counted(s *alerts.Store, network string, f alerts.Filter) map[string]int {
	n := map[string]int{}
	f.PerPage = 5000
	for f.Page = 1; ; f.Page++ {
		page, _ := s.Query(network, f)
		if len(page) == 0 {
			return n
		}
		for _, a := range page {
			n[a.Key.Key]++
		}
	}
}

// number is the last part of a name.
func number(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		t.Errorf("value %q: %v", name, err)
	}
	return n
}
