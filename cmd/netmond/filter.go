package main

import (
	"errors"
	"strings"

	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/capture/filter"
	"github.com/netmond/netmond/config"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/report"
)

// filterArgs makes "--filter @FILE" one argument: the parser puts the lines of a file in place of an
// argument that begins with @.
func filterArgs(args []string) []string {
	var joined []string
	for i := 0; i < len(args); i++ {
		if a := args[i]; (a == "--filter" || a == "-f") && i+1 < len(args) && strings.HasPrefix(args[i+1], "@") {
			i++
			joined = append(joined, "--filter="+args[i])
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}

// filter compiles the filter; nil for none.
func (o *options) filter() *filter.Filter {
	arg := config.Or(o.Capture.Filter, "")
	if arg == "" {
		return nil
	}
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		arg = "@" + o.Path(file, "capture", "filter")
	}
	f, err := filter.Load(arg)
	o.wrong(err, "capture", "filter")
	return f
}

// filterFault makes an error of a filter one of the command line, with the expression and a caret
// below it. Others stay as they are.
func filterFault(err error) error {
	var fault *filter.Error
	if err == nil || !errors.As(err, &fault) {
		return err
	}
	return usageError{err}
}

// excerpt is what is shown after an error: the lines that point at a filter's fault, indented.
func excerpt(err error) string {
	var fault *filter.Error
	if !errors.As(err, &fault) {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(fault.Excerpt()) {
		b.WriteString("  " + line)
	}
	return b.String() + "\n"
}

// behindFilter puts the pipeline's filter, if there is one, behind src.
func (p *pipeline) behindFilter(src capture.Source) capture.Source {
	if p.filter == nil {
		return src
	}
	f := capture.NewFiltered(src, p.filter)
	p.filtered.Store(f)
	return f
}

// filteredOut is what the filter has kept out of the files read so far; nil without a filter. Any
// goroutine may call it.
func (p *pipeline) filteredOut() *localnets.Counts {
	f := p.filtered.Load()
	if f == nil {
		return nil
	}
	s := f.Stats()
	return &localnets.Counts{Packets: s.Filtered, Bytes: s.FilteredBytes}
}

// withFilter adds to a report what the filter kept out of it.
func (p *pipeline) withFilter(r *report.Report) *report.Report {
	if c := p.filteredOut(); c != nil {
		r.SetFilter(report.Filter{Expression: p.filter.String(), Filtered: report.Counts(*c)})
	}
	return r
}
