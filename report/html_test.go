package report

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/netmond/netmond/internal/snaptest"
)

// What is put into the page as it is can end neither the script nor the styles, and neither asks for anything.
func TestHTMLParts(t *testing.T) {
	for name, text := range map[string]string{"report.js": htmlScript, "report.css": htmlStyle} {
		low := strings.ToLower(text)
		for _, bad := range []string{"</script", "</style", "<!--", "<script", "@import", "url(", "fetch(", "xmlhttprequest", "eventsource", "import("} {
			if strings.Contains(low, bad) {
				t.Errorf("%s has %q: make page", name, bad)
			}
		}
		if len(text) < 5000 {
			t.Errorf("%s has %d bytes", name, len(text))
		}
	}
}

func writtenHTML(t *testing.T, r *Report, top *Top, series *Series) string {
	t.Helper()
	return string(written(t, func(w io.Writer) error {
		return r.WriteHTML(w, HTMLOptions{Files: []string{`a"><script>.pcap`}, Version: "1.0"}, top, series)
	}))
}

// Texts from outside stay texts, in the tables and in the data for the script.
func TestHTMLEscapes(t *testing.T) {
	const hostile = `"'><img src=x onerror=alert(1)></script><script>alert(2)</script>`
	r := hostileTop(t, Lists...)
	for i := range r.s.Nets.Networks {
		n := &r.s.Nets.Networks[i]
		n.Alias = hostile
		for j := range n.Protocols {
			n.Protocols[j].Name = hostile
		}
	}
	r.errors = []InputError{{File: hostile, Error: hostile}}
	r.filter = &Filter{Expression: hostile}
	for i := range r.top.Flows.Rows {
		r.top.Flows.Rows[i].ServerName, r.top.Flows.Rows[i].Client.HostName = hostile, hostile
	}
	rec := NewRecorder(len(r.s.Nets.Networks))
	rec.Sample(nil, r.s.Capture.First)
	page := writtenHTML(t, r, r.top, rec.Series(r.s))
	if n := len(regexp.MustCompile(`(?i)<script`).FindAllString(page, -1)); n != 2 { // the data and the script
		t.Errorf("%d scripts", n)
	}
	if m := regexp.MustCompile(`(?i)<img`).FindString(strings.Replace(page, htmlScript, "", 1)); m != "" {
		t.Errorf("a text became markup: %.300s", m)
	}
	for _, part := range []string{htmlScript, htmlStyle} {
		if !strings.Contains(page, "'"+hashOf(part)+"'") && !strings.Contains(page, "&#39;"+strings.ReplaceAll(hashOf(part), "+", "&#43;")+"&#39;") {
			t.Error("the policy does not allow the page's own script or styles")
		}
	}
	if !strings.Contains(page, `id="graph-all"`) || !strings.Contains(page, "were evicted from the full table") || !strings.Contains(page, "uplot 1.") {
		t.Error("the page lacks its graph, its warning or the licenses")
	}
}

// A capture of nothing, or without a local network, gives a page too.
func TestHTMLOfLittle(t *testing.T) {
	for name, r := range map[string]*Report{"empty": New(snaptest.Empty(), nil), "none": New(snaptest.New().Snapshot(), nil), "many": New(snaptest.Many(300), nil)} {
		page := writtenHTML(t, r, nil, nil)
		if !strings.HasSuffix(page, "</html>\n") {
			t.Errorf("%s: the page is not whole", name)
		}
		if got := strings.Count(page, `class="network"`); got > htmlGraphs {
			t.Errorf("%s: %d networks in detail", name, got)
		}
	}
}
