//go:build linux && (amd64 || arm64)

package bpf

import (
	"reflect"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// TestLayouts compares every structure that is shared with the programs by the objects' own types.
func TestLayouts(t *testing.T) {
	for hook, read := range map[Hook]func() (*ebpf.CollectionSpec, error){HookXDP: loadXdp, HookTC: loadTc} {
		spec, err := read()
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range map[string]any{
			"cell": cell{}, "cpu": cpuCounts{}, "flow": flow{}, "trouble": trouble{}, "gap": gap{}, "bucket": bucket{},
			"node": node{}, "control": control{}, "counts": counts{},
		} {
			var s *btf.Struct
			if err := spec.Types.TypeByName(name, &s); err != nil {
				t.Errorf("%v: struct %s: %v", hook, name, err)
				continue
			}
			sameLayout(t, hook.String()+" "+name, s, reflect.TypeOf(v))
		}
		// struct record is in no map, and so in no object: frames that come through the ring test it.
	}
}

func sameLayout(t *testing.T, name string, s *btf.Struct, g reflect.Type) {
	t.Helper()
	if uintptr(s.Size) != g.Size() {
		t.Errorf("%s: %d bytes in C, %d in Go", name, s.Size, g.Size())
	}
	// Go's fields by offset; a blank one is padding, which C may name.
	at := map[uint32]reflect.StructField{}
	fields := 0
	for i := range g.NumField() {
		if f := g.Field(i); f.Name != "_" {
			at[uint32(f.Offset)] = f
			fields++
		}
	}
	for _, m := range s.Members {
		f, ok := at[m.Offset.Bytes()]
		if !ok {
			if len(m.Name) < 3 || m.Name[:3] != "pad" {
				t.Errorf("%s: C has %s at %d, Go nothing", name, m.Name, m.Offset.Bytes())
			}
			continue
		}
		fields--
		size, err := btf.Sizeof(m.Type)
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(size) != f.Type.Size() {
			// Members that stand side by side in C may be one array in Go.
			if f.Type.Kind() != reflect.Array {
				t.Errorf("%s: %s has %d bytes in C, %s %d in Go", name, m.Name, size, f.Name, f.Type.Size())
			}
		}
	}
	if fields != 0 {
		t.Errorf("%s: %d fields of Go begin where C has none", name, fields)
	}
}

// TestConstants compares what is written twice.
func TestConstants(t *testing.T) {
	spec, err := loadXdp()
	if err != nil {
		t.Fatal(err)
	}
	var reasons, ills *btf.Enum
	for _, e := range []struct {
		name string
		to   **btf.Enum
		last string
		want uint64
	}{{"reason", &reasons, "NUM_REASONS", numReasons}, {"ill", &ills, "NUM_ILLS", numIlls}} {
		if err := spec.Types.TypeByName(e.name, e.to); err != nil {
			t.Logf("enum %s is not in the object: %v", e.name, err)
			continue
		}
		values := (*e.to).Values
		if v := values[len(values)-1]; v.Name != e.last || v.Value != e.want {
			t.Errorf("enum %s ends with %s = %d, want %s = %d", e.name, v.Name, v.Value, e.last, e.want)
		}
	}
}
