package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/snaptest"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/packet"
)

const (
	schemaFile = "../docs/read.schema.json"
	docsFile   = "../docs/read-json.md"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// samples are reports that between them hold every shape of value.
func samples(t *testing.T) map[string]*Report {
	ackOnly := snaptest.Office()
	ackOnly.Nets.Networks[1].RTT = localnets.RTT{AckSum: 5, AckSamples: 1}
	hostile := snaptest.Office()
	for i := range hostile.Nets.Networks {
		hostile.Nets.Networks[i].Alias = "</script>\x00\xff\"\\\n"
	}
	early := snaptest.Office()
	early.Capture.First, early.Nets.Time = -1, -1
	filtered := New(snaptest.Office(), nil)
	filtered.SetFilter(Filter{Expression: `ip[0] & 0xf < 5 or not "\x1b[2J"`, Filtered: Counts{Packets: 7, Bytes: 700}})
	return map[string]*Report{
		"top":      hostileTop(t, Lists...),
		"filtered": filtered,
		"office":   New(snaptest.Office(), officeErrors()),
		"empty":    New(snaptest.Empty(), nil),
		"none":     New(snaptest.New().Snapshot(), nil),
		"many":     New(snaptest.Many(300), nil),
		"ack only": New(ackOnly, nil),
		"hostile":  New(hostile, officeErrors()),
		"early":    New(early, nil),
	}
}

func TestOutputFollowsTheSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range samples(t) {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, r.WriteJSON)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// properties calls f with each property of each object of a schema, and with the object.
func properties(schema any, f func(object map[string]any, name string)) {
	switch s := schema.(type) {
	case map[string]any:
		if p, ok := s["properties"].(map[string]any); ok {
			for name := range p {
				f(s, name)
			}
		}
		for _, v := range s {
			properties(v, f)
		}
	case []any:
		for _, v := range s {
			properties(v, f)
		}
	}
}

// onRequest are the keys that are there only with --filter, --top and --resolve.
var onRequest = []string{"filter", "top", "host_name"}

func TestSchemaIsClosedAndDocumented(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal(readFile(t, schemaFile), &schema); err != nil {
		t.Fatal(err)
	}
	docs := string(readFile(t, docsFile))
	n := 0
	properties(schema, func(object map[string]any, name string) {
		n++
		if object["additionalProperties"] != false {
			t.Errorf("the object of %s is open", name)
		}
		if required, _ := object["required"].([]any); !slices.Contains(required, any(name)) && !slices.Contains(onRequest, name) {
			t.Errorf("%s is not required", name)
		}
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("%s does not mention `%s`", docsFile, name)
		}
	})
	if n < 100 {
		t.Errorf("found %d properties: the walk is broken", n)
	}
	for _, name := range slices.Concat(hostCSV, flowCSV, protocolCSV, cellCSV) {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("%s does not mention the CSV column `%s`", docsFile, name)
		}
	}
	for _, c := range csvColumns {
		if !strings.Contains(docs, "`"+c.name+"`") {
			t.Errorf("%s does not mention the CSV column `%s`", docsFile, c.name)
		}
	}
}

func TestDocumentIsWhatIsWritten(t *testing.T) {
	for name, r := range samples(t) {
		written := written(t, r.WriteJSON)
		dec := json.NewDecoder(bytes.NewReader(written))
		dec.DisallowUnknownFields()
		var doc Document
		if err := dec.Decode(&doc); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := json.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, written); err != nil {
			t.Fatal(err)
		}
		// What was invalid UTF-8 is written as an escape, and as the character when read and written.
		wantText := strings.ReplaceAll(want.String(), `\ufffd`, "\ufffd")
		if diff := cmp.Diff(wantText, string(again)); diff != "" {
			t.Errorf("%s: the Document marshals otherwise (-written +document):\n%s", name, diff)
		}
	}
}

// The figures of the snapshot stand in the JSON, and the sums of docs/read-json.md hold.
func TestFiguresAndSums(t *testing.T) {
	for name, s := range map[string]*flows.Snapshot{"office": snaptest.Office(), "many": snaptest.Many(300)} {
		if name == "office" {
			s.Nets.MatrixOther = localnets.Counts{} // set by hand there, beside the accounting
		}
		var doc Document
		if err := json.Unmarshal(written(t, New(s, nil).WriteJSON), &doc); err != nil {
			t.Fatal(err)
		}
		add := func(to *Counts, list ...Counts) {
			for _, c := range list {
				to.Packets += c.Packets
				to.Bytes += c.Bytes
			}
		}
		var all, undecoded, internal Counts
		sc := doc.Scopes
		add(&all, sc.Inbound, sc.Outbound, sc.Internal, sc.Transit, sc.Encapsulation, sc.NonIP, sc.Undecoded)
		if want := (Counts{doc.Capture.Packets, doc.Capture.Bytes}); all != want || want != (Counts{s.Capture.Packets, s.Capture.Bytes}) {
			t.Errorf("%s: scopes sum to %v, capture is %v", name, all, want)
		}
		for _, c := range doc.UndecodedReasons {
			add(&undecoded, c)
		}
		if undecoded != sc.Undecoded {
			t.Errorf("%s: reasons sum to %v, undecoded is %v", name, undecoded, sc.Undecoded)
		}
		if doc.Flows.TCP+doc.Flows.UDP+doc.Flows.SCTP+doc.Flows.ICMP+doc.Flows.Other != doc.Flows.Total {
			t.Errorf("%s: flows do not sum: %+v", name, doc.Flows)
		}
		if len(doc.Networks) != len(s.Nets.Networks) {
			t.Fatalf("%s: %d networks, want %d", name, len(doc.Networks), len(s.Nets.Networks))
		}
		for i, n := range doc.Networks {
			var protocols, l4 Directions
			for _, p := range n.Protocols {
				add(&protocols.Ingress, p.Ingress)
				add(&protocols.Egress, p.Egress)
				add(&protocols.Inner, p.Inner)
			}
			for _, p := range []Directions{n.L4.TCP, n.L4.UDP, n.L4.SCTP, n.L4.ICMP, n.L4.Other} {
				add(&l4.Ingress, p.Ingress)
				add(&l4.Egress, p.Egress)
				add(&l4.Inner, p.Inner)
			}
			want := directions(&s.Nets.Networks[i].Traffic)
			if n.Directions != want || protocols != want || l4 != want {
				t.Errorf("%s: network %s: %v, protocols %v, l4 %v, want %v", name, n.CIDR, n.Directions, protocols, l4, want)
			}
			add(&internal, n.Inner)
		}
		for _, c := range doc.Matrix {
			add(&internal, c.Counts)
			if s.Nets.Networks[c.SrcID].Prefix.String() != c.Src || s.Nets.Networks[c.DstID].Prefix.String() != c.Dst {
				t.Errorf("%s: cell %+v names other networks than its ids", name, c)
			}
		}
		add(&internal, doc.MatrixOther)
		if internal != sc.Internal {
			t.Errorf("%s: inner and matrix sum to %v, internal is %v", name, internal, sc.Internal)
		}
	}
}

// TestDocs keeps the list of reasons in the documentation current.
func TestDocs(t *testing.T) {
	const begin, end = "-update -->\n", "<!-- end of reasons -->"
	docs := string(readFile(t, docsFile))
	head, rest, ok := strings.Cut(docs, begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no marked list of reasons", docsFile)
	}
	var list strings.Builder
	for r := packet.ReasonNone + 1; r < packet.NumReasons; r++ {
		list.WriteString("- `" + r.String() + "`\n")
	}
	want := head + begin + list.String() + end + tail
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, docs); diff != "" {
		t.Errorf("%s is not current; run go test ./report -run TestDocs -update (-want +got):\n%s", docsFile, diff)
	}
}

func TestHTMLSafe(t *testing.T) {
	got := written(t, func(w io.Writer) error { return samples(t)["hostile"].WriteJSON(w) })
	if bytes.ContainsAny(got, "<>") || bytes.ContainsRune(got, 0) {
		t.Error("the JSON holds characters that HTML reads")
	}
}
