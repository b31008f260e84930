package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/netmond/netmond/report"
)

// topFlags are the flags of read that list the busiest.
type topFlags struct {
	lists       []string
	n           int
	sort, order string
	filter      string
	nSet        bool // n was given
}

func addTopFlags(cmd *kingpin.CmdClause) *topFlags {
	t := &topFlags{}
	cmd.Flag("top", "List the busiest too: "+strings.Join(report.Lists, ", ")+". Comma separated or repeated. What is not listed is summed below.").
		PlaceHolder("LIST").StringsVar(&t.lists)
	cmd.Flag("top-n", fmt.Sprintf("Rows of each list, 1 to %d.", report.MaxTopRows)).Default("10").PlaceHolder("N").IsSetByUser(&t.nSet).IntVar(&t.n)
	cmd.Flag("top-sort", "Order of the lists, as bytes, packets, flows, rtt, retransmissions, address; the names of the API (docs/api.md).").Default("bytes").StringVar(&t.sort)
	cmd.Flag("top-order", "Most first (desc) or least first (asc).").Default("desc").EnumVar(&t.order, "desc", "asc")
	cmd.Flag("top-filter", "Only what this filter selects, in the API's language: 'net:office port:443 bytes>1MB' (docs/api.md).").PlaceHolder("FILTER").StringVar(&t.filter)
	return t
}

// request is what the flags ask for; nil without --top.
func (t *topFlags) request(format string, html bool) (*report.TopRequest, error) {
	q := &report.TopRequest{Rows: t.n, Sort: t.sort, Ascending: t.order == "asc", Filter: t.filter}
	for _, arg := range t.lists {
		for list := range strings.SplitSeq(arg, ",") {
			if list = strings.TrimSpace(list); list != "" && !slices.Contains(q.Lists, list) {
				q.Lists = append(q.Lists, list)
			}
		}
	}
	if len(q.Lists) == 0 {
		switch {
		case len(t.lists) > 0:
			return nil, usageError{fmt.Errorf("--top: want one of %s", strings.Join(report.Lists, ", "))}
		case t.filter != "" && !html:
			return nil, usageError{fmt.Errorf("--top-filter %s: there is no --top or --html that it is for", t.filter)}
		}
		if html && (q.Rows < 1 || q.Rows > report.MaxTopRows) {
			return nil, usageError{fmt.Errorf("--top-n %d: want 1 to %d", q.Rows, report.MaxTopRows)}
		}
		return nil, nil
	}
	if err := q.Validate(); err != nil {
		return nil, usageError{fmt.Errorf("--top: %w", err)}
	}
	if format == "csv" && len(q.Lists) > 1 {
		return nil, usageError{fmt.Errorf("--top %s: csv holds one list", strings.Join(q.Lists, ","))}
	}
	return q, nil
}

// top makes the lists of q for r; nil where nothing is asked for.
func (p *pipeline) top(r *report.Report, q *report.TopRequest) (*report.Top, error) {
	if q == nil {
		return nil, nil
	}
	lists, err := r.MakeTop(*q, p.table.Flows)
	if err != nil {
		return nil, usageError{fmt.Errorf("--top-filter %q: %w", q.Filter, err)}
	}
	return lists, nil
}
