package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/localnets/suggest"
)

// Suggestions are prefixes that would make good local networks.
type Suggestions struct {
	*suggest.Result
	All bool `json:"all"` // of all traffic, as if there were no local networks
	// Networks are the list to configure: the local networks that there are, unless All, and the prefixes.
	Networks []SuggestedNetwork `json:"networks"`
}

// A SuggestedNetwork is an entry of a list of local networks.
type SuggestedNetwork struct {
	CIDR string `json:"cidr"`
	Name string `json:"name"` // or empty
}

// Suggest looks for them in the flows that scan calls its argument with, until that gives false. nets are the
// networks that there are.
func Suggest(scan func(func(*flows.Flow) bool), nets *localnets.Snapshot, cfg suggest.Config) (*Suggestions, error) {
	var one suggest.Flow
	found, err := suggest.Find(func(fn func(*suggest.Flow) bool) {
		scan(func(f *flows.Flow) bool {
			one = suggest.Flow{
				Client: f.Client.Addr(), Server: f.Server.Addr(), FromClient: f.FromClient.Bytes, FromServer: f.FromServer.Bytes,
				ClientLocal: f.ClientNetwork != localnets.NoNetwork, ServerLocal: f.ServerNetwork != localnets.NoNetwork,
			}
			return fn(&one)
		})
	}, cfg)
	if err != nil {
		return nil, err
	}
	s := &Suggestions{Result: found, All: cfg.All, Networks: []SuggestedNetwork{}}
	if !cfg.All {
		for i := range nets.Networks {
			s.Networks = append(s.Networks, SuggestedNetwork{nets.Networks[i].Prefix.String(), nets.Networks[i].Alias})
		}
	}
	for i := range found.Prefixes {
		s.Networks = append(s.Networks, SuggestedNetwork{CIDR: found.Prefixes[i].Prefix.String()})
	}
	return s, nil
}

// WriteJSON writes s as the API answers it.
func (s *Suggestions) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

// WriteTable writes s for a person, and the list to paste.
func (s *Suggestions) WriteTable(w io.Writer, o TableOptions) error {
	width := o.Width
	if width <= 0 {
		width = defaultWidth
	}
	out := &screen{w: w, width: max(width, minWidth), color: o.Color}
	for _, text := range s.summary() {
		out.wrapped("", "", strings.Fields(text))
	}
	if len(s.Prefixes) == 0 {
		return out.err
	}
	out.line("", "")
	out.table(s.columns())
	out.line("", "")
	for i := range s.Prefixes {
		p := &s.Prefixes[i]
		out.wrapped("", pad(p.Prefix.String(), s.widest(), false)+"  ", strings.Fields(p.Evidence()))
	}
	out.line("", "")
	// Not wrapped: it is to be pasted.
	out.line(sgrBold, "--local-networks "+quotedList(s.list()))
	return out.err
}

func (s *Suggestions) widest() (n int) {
	for i := range s.Prefixes {
		n = max(n, len(s.Prefixes[i].Prefix.String()))
	}
	return n
}

// summary says how much is not matched, and what of it the suggestions are.
func (s *Suggestions) summary() []string {
	lines := []string{fmt.Sprintf("%s of the %s in %s (%s) have no local end.",
		siBytes(s.Unmatched), siBytes(s.Bytes), plural(uint64(s.Flows), "flow", "flows"), percent(s.Unmatched, s.Bytes))}
	if s.All {
		lines[0] = fmt.Sprintf("All %s of %s were looked at, as if there were no local networks.", siBytes(s.Bytes), plural(uint64(s.Flows), "flow", "flows"))
	}
	if s.Private > 0 {
		lines = append(lines, siBytes(s.Private)+" went between local networks and private addresses that are in none.")
	}
	switch {
	case len(s.Prefixes) > 0:
		lines = append(lines, fmt.Sprintf("With these prefixes %s of what has no local end gets one.", percent(s.Explained, s.Unmatched)))
	case s.Open() == 0:
		lines = append(lines, "There is nothing to suggest.")
	default:
		lines = append(lines, "No prefix stands out in it.")
	}
	if s.LeftOut > 0 {
		lines = append(lines, plural(uint64(s.LeftOut), "further prefix is", "further prefixes are")+" left out.")
	}
	return lines
}

func (s *Suggestions) columns() []column {
	columns := []column{
		{title: "Prefix", flex: true},
		{title: "Share", right: true},
		{title: "Unmatched", right: true, drop: 2},
		{title: "Private", right: true, drop: 3},
		{title: "Sent", right: true},
		{title: "Received", right: true},
		{title: "Hosts", right: true},
		{title: "Are", drop: 1},
	}
	for i := range s.Prefixes {
		p := &s.Prefixes[i]
		for k, cell := range []string{
			p.Prefix.String(), fmt.Sprintf("%.1f%%", 100*p.Share), siBytes(p.Unmatched), siBytes(p.Private),
			siBytes(p.Sent), siBytes(p.Received), grouped(uint64(p.Hosts)), p.Role,
		} {
			columns[k].cells = append(columns[k].cells, cell)
		}
		columns[0].least = max(columns[0].least, len(p.Prefix.String()))
	}
	if s.Private == 0 {
		columns = slices.Delete(columns, 3, 4)
	}
	return columns
}

// list is s as --local-networks takes it. A name with a comma cannot stand there.
func (s *Suggestions) list() string {
	entries := make([]string, len(s.Networks))
	for i, n := range s.Networks {
		entries[i] = n.CIDR
		if n.Name != "" && !strings.Contains(n.Name, ",") {
			entries[i] += "=" + n.Name
		}
	}
	return strings.Join(entries, ",")
}

// quotedList is a list as a shell takes it for one word.
func quotedList(list string) string {
	if strings.IndexFunc(list, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./:,=_-", r))
	}) < 0 {
		return list
	}
	return "'" + strings.ReplaceAll(list, "'", `'\''`) + "'"
}

// WriteYAML writes the list for the configuration file.
func (s *Suggestions) WriteYAML(w io.Writer) error {
	about := make(map[string]*suggest.Prefix, len(s.Prefixes))
	for i := range s.Prefixes {
		about[s.Prefixes[i].Prefix.String()] = &s.Prefixes[i]
	}
	var b strings.Builder
	for _, line := range s.summary() {
		b.WriteString("# " + line + "\n")
	}
	for i, n := range s.Networks {
		if i == 0 {
			b.WriteString("networks:\n")
		}
		cidr := n.CIDR
		if cidr[0] == ':' {
			cidr = `"` + cidr + `"`
		}
		if n.Name != "" {
			name, err := json.Marshal(n.Name) // a string of JSON is one of YAML
			if err != nil {
				return err
			}
			cidr = fmt.Sprintf("{cidr: %s, name: %s}", cidr, name)
		}
		b.WriteString("  - " + cidr)
		if p := about[n.CIDR]; p != nil {
			fmt.Fprintf(&b, "  # %.1f%%: %s", 100*p.Share, p.Evidence())
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
