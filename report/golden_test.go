package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netmond/netmond/internal/snaptest"
)

var update = flag.Bool("update", false, "write the golden files and the generated part of the documentation")

// officeErrors stand beside the Office snapshot; the second file's name is hostile.
func officeErrors() []InputError {
	return []InputError{
		{File: "mirror.pcap", Offset: 4242, Error: "record claims 4294967295 bytes, the limit is 262144"},
		{File: "a \x1b[31m\xff\"b\".pcap", Offset: 0, Error: "no capture file: magic 0x00000000"},
	}
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update accepts it):\n%s", file, diff)
	}
}

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	office := New(snaptest.Office(), officeErrors())
	empty := New(snaptest.Empty(), nil)
	none := New(snaptest.New().Snapshot(), nil)
	table := func(r *Report, o TableOptions) func(io.Writer) error {
		return func(w io.Writer) error { return r.WriteTable(w, o) }
	}
	for name, write := range map[string]func(io.Writer) error{
		"office.json":       office.WriteJSON,
		"office.csv":        office.WriteCSV,
		"office.table":      table(office, TableOptions{Files: 2}),
		"office-wide.table": table(office, TableOptions{Width: 140}),
		"office-40.table":   table(office, TableOptions{Width: 40}),
		"office-color.table": table(office, TableOptions{
			Color: true,
		}),
		"empty.json":  empty.WriteJSON,
		"empty.csv":   empty.WriteCSV,
		"empty.table": table(empty, TableOptions{Files: 1}),
		"none.json":   none.WriteJSON,
		"none.table":  table(none, TableOptions{}),
	} {
		t.Run(name, func(t *testing.T) {
			got := written(t, write)
			if again := written(t, write); !bytes.Equal(got, again) {
				t.Error("two writes of one report differ")
			}
			golden(t, name, got)
		})
	}
}
