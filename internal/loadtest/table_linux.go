package loadtest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Row is the medians of all runs of one case with one monitor.
type Row struct {
	Result
	Runs int `json:"runs"`
	// Most is the largest absolute value of Result.Uncounted of all runs.
	Most int64 `json:"uncounted_most"`
}

// Rows are the medians of results by case and monitor, in the order of their first runs.
func Rows(results []Result) []Row {
	var rows []Row
	groups := map[string][]Result{}
	var order []string
	for _, r := range results {
		key := r.Case + "\x00" + r.Monitor
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], r)
	}
	for _, key := range order {
		list := groups[key]
		row := Row{Result: list[0], Runs: len(list)}
		row.OfferedRate = median(list, func(r *Result) float64 { return r.OfferedRate })
		row.Offered = uint64(median(list, func(r *Result) float64 { return float64(r.Offered) }))
		row.Received = uint64(median(list, func(r *Result) float64 { return float64(r.Received) }))
		row.Dropped = uint64(median(list, func(r *Result) float64 { return float64(r.Dropped) }))
		row.Uncounted = int64(median(list, func(r *Result) float64 { return float64(r.Uncounted) }))
		row.NsPerPacket = median(list, func(r *Result) float64 { return r.NsPerPacket })
		row.Memory = uint64(median(list, func(r *Result) float64 { return float64(r.Memory) }))
		for _, r := range list {
			row.Most = max(row.Most, r.Uncounted, -r.Uncounted)
		}
		rows = append(rows, row)
	}
	return rows
}

func median(list []Result, of func(*Result) float64) float64 {
	all := make([]float64, len(list))
	for i := range list {
		all[i] = of(&list[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// A Ratio compares two rows, or a row with a bound.
type Ratio struct {
	Name  string  `json:"figure"`
	Value float64 `json:"value"`
	Bound float64 `json:"bound"`
	Least bool    `json:"least"` // Bound is the least, not the most
}

// Met reports whether the bound is kept.
func (r Ratio) Met() bool {
	if r.Least {
		return r.Value >= r.Bound
	}
	return r.Value <= r.Bound
}

// WriteMarkdown writes the rows and ratios as the tables of docs/performance.md.
func WriteMarkdown(w io.Writer, rows []Row, ratios []Ratio) error {
	t := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.Debug|tabwriter.DiscardEmptyColumns)
	line := func(cells ...string) { fmt.Fprintf(t, "\t%s\t\n", strings.Join(cells, "\t")) }
	line("traffic", "monitor", "offered, M packets/s", "received", "lost", "uncounted", "CPU, ns/packet", "memory, MB")
	line("---", "---", "---", "---", "---", "---", "---", "---")
	for _, r := range rows {
		line(r.Case, r.Monitor, fmt.Sprintf("%.2f", r.OfferedRate/1e6), percent(r.Received, r.Offered), percent(r.Dropped, r.Offered),
			fmt.Sprint(r.Most), fmt.Sprintf("%.0f", r.NsPerPacket), fmt.Sprintf("%.0f", float64(r.Memory)/1e6))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	line("figure", "must", "is", "")
	line("---", "---", "---", "---")
	for _, r := range ratios {
		sign, met := "at most", "met"
		if r.Least {
			sign = "at least"
		}
		if !r.Met() {
			met = "not met"
		}
		line(r.Name, fmt.Sprintf("%s %g", sign, r.Bound), fmt.Sprintf("%.3g", r.Value), met)
	}
	return t.Flush()
}

func percent(n, of uint64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(of, 1))) }
