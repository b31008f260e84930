package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
	"github.com/netmond/netmond/top"
)

// plotted is how many networks are drawn where none are named.
const plotted = 3

// plotTotal stands for all traffic among the names of networks.
const plotTotal = "all"

// plotFlags are the flags of read that draw.
type plotFlags struct {
	on    bool
	names []string
}

func addPlotFlags(cmd *kingpin.CmdClause) *plotFlags {
	f := &plotFlags{}
	cmd.Flag("plot", "Draw rates over capture time below the table: what came in above the line, what went out below.").BoolVar(&f.on)
	cmd.Flag("plot-networks", fmt.Sprintf("What --plot draws: networks by CIDR, alias or name, and %s for all traffic. Comma separated or repeated. Default: all traffic and the %d busiest networks.", plotTotal, plotted)).
		PlaceHolder("LIST").StringsVar(&f.names)
	return f
}

// list are the names that were given.
func (f *plotFlags) list() []string {
	var names []string
	for _, arg := range f.names {
		for name := range strings.SplitSeq(arg, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// check reports flags that make no sense, with the networks there are.
func (f *plotFlags) check(format string, nets *localnets.Snapshot) error {
	switch {
	case !f.on && len(f.names) > 0:
		return usageError{errors.New("--plot-networks: there is no --plot that it is for")}
	case f.on && format != "table":
		return usageError{fmt.Errorf("--plot goes with the table, not with --format %s", format)}
	}
	for _, name := range f.list() {
		if name != plotTotal && nets.LookupName(name) == nil {
			return usageError{fmt.Errorf("--plot-networks: there is no local network %q", name)}
		}
	}
	return nil
}

// A plotter draws series in text of a width.
type plotter struct {
	w      io.Writer
	width  int
	ascii  bool
	series *report.Series
	err    error
}

// plainText reports whether the terminal or the locale has no braille: an unset locale is the POSIX one, but
// where no locale is used.
func plainText(getenv func(string) string, goos string) bool {
	switch term := getenv("TERM"); {
	case term == "dumb" || term == "linux" || strings.HasPrefix(term, "vt"):
		return true
	case goos == "windows" || goos == "darwin":
		return false
	}
	locale := strings.ToLower(cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
}

// writePlots draws what the flags ask for.
func (f *plotFlags) writePlots(w io.Writer, width int, nets *localnets.Snapshot, series *report.Series) error {
	if series == nil {
		_, err := fmt.Fprintln(w, "\nNothing was captured that could be drawn.")
		return err
	}
	p := &plotter{w: w, width: max(width, 40), ascii: plainText(os.Getenv, runtime.GOOS), series: series}
	names := f.list()
	if len(names) == 0 {
		names = append([]string{plotTotal}, busiest(nets, plotted)...)
	}
	for _, name := range names {
		if name == plotTotal {
			p.graph("All traffic", []line{
				{"inbound", series.Total(report.InboundBytes)}, {"outbound", series.Total(report.OutboundBytes)}, {"internal", series.Total(report.InternalBytes)},
				{"transit", series.Total(report.TransitBytes)}, {"other", sumOf(series.Total(report.EncapsulationBytes), series.Total(report.NonIPBytes), series.Total(report.UndecodedBytes))},
			})
			continue
		}
		n := nets.LookupName(name)
		p.graph(strings.TrimSpace(n.Prefix.String()+" "+report.Printable(n.Alias)), []line{
			{"ingress", series.Network(n.ID, report.IngressBytes)}, {"egress", series.Network(n.ID, report.EgressBytes)}, {"inner", series.Network(n.ID, report.InnerBytes)},
		})
	}
	return p.err
}

// busiest are the n networks with most bytes, of those that have some.
func busiest(nets *localnets.Snapshot, n int) []string {
	bytes := func(n *localnets.NetworkStats) (sum uint64) {
		for _, c := range n.Traffic {
			sum += c.Bytes
		}
		return sum
	}
	first := report.First[*localnets.NetworkStats]{Keep: n, Less: func(a, b **localnets.NetworkStats) bool {
		return cmp.Or(cmp.Compare(bytes(*b), bytes(*a)), cmp.Compare((*a).ID, (*b).ID)) < 0
	}}
	for i := range nets.Networks {
		if n := &nets.Networks[i]; bytes(n) > 0 {
			first.Add(&n)
		}
	}
	var names []string
	for _, n := range first.Sorted() {
		names = append(names, n.Prefix.String())
	}
	return names
}

// A line is one of a graph: bytes by step.
type line struct {
	name  string
	bytes []uint64
}

func (l *line) total() (sum uint64) {
	for _, n := range l.bytes {
		sum += n
	}
	return sum
}

func sumOf(lists ...[]uint64) []uint64 {
	out := make([]uint64, len(lists[0]))
	for _, list := range lists {
		for i, n := range list {
			out[i] += n
		}
	}
	return out
}

const (
	plotRows    = 8 // of text, of the first two lines of a graph together
	plotSide    = 2 // rows of each other line
	labelColumn = 12
)

func (p *plotter) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n")
	}
}

// columns is how many values fit into a row of text.
func (p *plotter) columns() int {
	room := p.width - labelColumn - 1
	if p.ascii {
		return room
	}
	return 2 * room
}

// condense gives as many values as there are columns at most, each the bytes of so many steps, and how many
// columns each value takes. The values sum to the bytes.
func condense(bytes []uint64, columns int) (values []uint64, steps, each int) {
	steps = (len(bytes) + columns - 1) / columns
	for i, n := range bytes {
		if i%steps == 0 {
			values = append(values, 0)
		}
		values[len(values)-1] += n
	}
	return values, steps, max(1, columns/len(values))
}

// rates are the values of the columns: bytes a second, NaN where the graph has ended.
func (p *plotter) rates(bytes []uint64) []float64 {
	columns := p.columns()
	values, steps, each := condense(bytes, columns)
	out := make([]float64, 0, columns)
	for i, n := range values {
		lasted := min(steps, len(bytes)-i*steps) // the last value may be of fewer steps
		for range each {
			out = append(out, float64(n)/(float64(lasted)*p.series.Step.Seconds()))
		}
	}
	for len(out) < columns {
		out = append(out, math.NaN())
	}
	return out
}

func (p *plotter) draw(values []float64, rows int, most float64) []string {
	if p.ascii {
		return top.PlotASCII(values, p.width-labelColumn-1, rows, most)
	}
	return top.Plot(values, p.width-labelColumn-1, rows, most)
}

// graph draws the first two lines mirrored, by one scale, and those of the others that have traffic below, each
// by its own.
func (p *plotter) graph(title string, lines []line) {
	up, down := p.rates(lines[0].bytes), p.rates(lines[1].bytes)
	highest := func(values []float64) (most float64) {
		for _, v := range values {
			if v > most { // NaN is not
				most = v
			}
		}
		return most
	}
	most := max(highest(up), highest(down), 1)
	rowsUp := int(math.Round(plotRows * highest(up) / max(highest(up)+highest(down), 1)))
	rowsUp = min(max(rowsUp, 1), plotRows-1)
	rowsDown := plotRows - rowsUp
	// Both sides have the same scale: that of the side that needs the larger one.
	scale := max(highest(up)/float64(rowsUp), highest(down)/float64(rowsDown), most/plotRows)

	p.printf("")
	p.printf("%s", fitTo(fmt.Sprintf("%s: %s above, %s below, %s", title, lines[0].name, lines[1].name, p.each(lines[0].bytes)), p.width))
	p.side(p.draw(up, rowsUp, scale*float64(rowsUp)), 0, scale*float64(rowsUp))
	rule := "─"
	if p.ascii {
		rule = "-"
	}
	p.printf("%*s %s", labelColumn, "0", strings.Repeat(rule, p.width-labelColumn-1))
	p.side(top.Flip(p.draw(down, rowsDown, scale*float64(rowsDown))), rowsDown-1, scale*float64(rowsDown))
	for _, l := range lines[2:] {
		if l.total() > 0 {
			values := p.rates(l.bytes)
			p.printf("%*s %s", labelColumn, "", l.name)
			p.side(p.draw(values, plotSide, 0), 0, highest(values))
		}
	}
	p.times()
	for i, l := range lines {
		if i < 2 || l.total() > 0 {
			f := report.FiguresOf(p.series.Rates(l.bytes))
			p.printf("%s", fitTo(fmt.Sprintf("%*s avg %s, 95th %s, max %s, total %s", labelColumn, l.name, report.BitRate(f.Mean), report.BitRate(f.P95), report.BitRate(f.Max), report.Bytes(l.total())), p.width))
		}
	}
}

// side prints rows of a graph, with the label of the rate at its edge.
func (p *plotter) side(rows []string, labelled int, rate float64) {
	for i, row := range rows {
		label := ""
		if i == labelled {
			label = report.BitRate(rate)
		}
		p.printf("%*s %s", labelColumn, label, row)
	}
}

// each tells how long a column of the graph is.
func (p *plotter) each(bytes []uint64) string {
	_, steps, _ := condense(bytes, p.columns())
	return fmt.Sprintf("steps of %v", p.series.Step*time.Duration(steps))
}

// times is the line with the time of the first step and the end of the last, below them.
func (p *plotter) times() {
	layout := "2006-01-02 15:04:05"
	if p.series.Step < time.Second {
		layout = "15:04:05.000"
	}
	from := time.Unix(0, p.series.Start).UTC()
	to := from.Add(p.series.Step * time.Duration(p.series.Points))
	first, last := from.Format(layout), to.Format(layout)+" UTC"
	values, _, each := condense(make([]uint64, p.series.Points), p.columns())
	end := len(values) * each
	if !p.ascii {
		end = (end + 1) / 2
	}
	gap := end - len(first) - len(last)
	if gap < 1 {
		gap = 1
	}
	p.printf("%s", fitTo(strings.Repeat(" ", labelColumn+1)+first+strings.Repeat(" ", gap)+last, p.width))
}

// fitTo cuts s to width columns.
func fitTo(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width])
}
