package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/common/version"

	"github.com/netmond/netmond/report"
)

// htmlRows are the rows of the lists in the HTML unless --top-n says otherwise.
const htmlRows = 50

// checkHTML reports a path that cannot be meant, before the work: capture files are not overwritten by a flag
// that lacks its value.
func checkHTML(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".html" && ext != ".htm" {
		return usageError{fmt.Errorf("--html %s: want a name that ends in .html", path)}
	}
	st, err := os.Stat(filepath.Dir(path))
	if err == nil && !st.IsDir() {
		err = errors.New("its folder is none")
	}
	if st, statErr := os.Stat(path); err == nil && statErr == nil && st.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		return fmt.Errorf("--html %s: %w", path, reason(err))
	}
	return nil
}

// reason is err without the operation and path that it may name.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// report writes the HTML, if it is asked for.
func (c *reading) report(ctx context.Context, p *pipeline, r *report.Report, series *report.Series, names *resolver, errw io.Writer) error {
	lists, err := p.top(r, c.htmlRequest())
	if err != nil || lists == nil {
		return err
	}
	names.name(ctx, lists, errw)
	return c.writeHTML(c.html, r, lists, series)
}

// writeHTML writes r with graphs to path, whole or not at all: to a file beside it first, which then takes
// its name.
func (c *reading) writeHTML(path string, r *report.Report, lists *report.Top, series *report.Series) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("--html %s: %w", path, err)
		}
	}()
	temporary := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return reason(err)
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	out := bufio.NewWriterSize(f, 256<<10)
	names := make([]string, len(c.files))
	for i, name := range inputs(c.files) {
		if names[i] = filepath.Base(name); name == "-" {
			names[i] = "standard input"
		}
	}
	err = r.WriteHTML(out, report.HTMLOptions{Files: names, Version: version.Version}, lists, series)
	if err = errorsFirst(err, out.Flush(), f.Sync()); err != nil {
		f.Close()
		return reason(err)
	}
	if err = f.Close(); err != nil {
		return reason(err)
	}
	if err = os.Rename(temporary, path); err != nil {
		var link *os.LinkError
		if errors.As(err, &link) {
			return link.Err
		}
	}
	return err
}

// htmlRequest is what the lists of the HTML hold: all of them, by bytes; nil without --html.
func (c *reading) htmlRequest() *report.TopRequest {
	if c.html == "" {
		return nil
	}
	rows := htmlRows
	if c.top.nSet {
		rows = c.top.n
	}
	return &report.TopRequest{Lists: report.Lists, Rows: rows, Sort: "bytes", Filter: c.top.filter}
}
