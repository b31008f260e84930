package report

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/netmond/netmond/apps"
	"github.com/netmond/netmond/capture"
	"github.com/netmond/netmond/flows"
	"github.com/netmond/netmond/internal/testneed"
	"github.com/netmond/netmond/localnets"
)

// What real captures give, damaged ones included, follows the schema.
func TestCorpusFollowsTheSchema(t *testing.T) {
	root := filepath.Join(testneed.Shared(t), "pcaps")
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(file) == root {
			return err
		}
		read++
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, replayed(t, file).WriteJSON)))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		return nil
	})
	if err != nil || read < 100 {
		t.Errorf("read %d files, error %v", read, err)
	}
}

// replayed is the report of one capture file.
func replayed(t *testing.T, file string) *Report {
	t.Helper()
	cfg := localnets.DefaultConfig()
	cfg.AppNames = apps.Names()
	registry, err := localnets.New(cfg, localnets.DefaultNetworks(nil))
	if err != nil {
		t.Fatal(err)
	}
	limits := flows.DefaultConfig()
	limits.MaxFlows = 1 << 14
	table, err := flows.New(limits, registry)
	if err != nil {
		t.Fatal(err)
	}
	src := capture.OpenFiles([]string{file}, nil)
	defer src.Close()
	if err := table.Replay(t.Context(), src, nil); err != nil {
		t.Fatal(err)
	}
	var errs []InputError
	for _, e := range src.Errors() {
		errs = append(errs, InputError{File: e.File, Offset: e.Offset, Error: e.Err.Error()})
	}
	return New(table.Snapshot(), errs)
}
