package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/netmond/netmond"

// allowed is the drawing: which of our packages a folder's product code may import. A folder below
// another that is not named here may import what that one may, and is part of it. cmd/netmond may
// import everything but test support.
var allowed = map[string][]string{
	"packet":    {},
	"apps":      {},
	"localnets": {},
	"alerts":    {},
	"history":   {"localnets"},
	"config":    {},
	"sandbox":   {},
	"geoip":     {},
	"capture":   {"packet"},
	"bpf":       {"packet"},
	"demo":      {"packet"},
	"flows":     {"packet", "apps", "localnets"},
	"report":    {"packet", "apps", "capture", "flows", "localnets", "web"},
	"metrics":   {"packet", "capture", "bpf", "flows", "localnets", "alerts", "lua"},
	"top":       {},
	"lua":       {"localnets", "alerts", "sandbox"},
	"web":       {"report", "packet", "apps", "flows", "localnets", "alerts", "lua", "history", "geoip"},

	"capture/filter": {"packet"},
}

// packagesDir lists the Go packages below the module's root by folder.
func packagesDir(t *testing.T, root string) map[string][]string {
	t.Helper()
	dirs := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && file != root || d.Name() == "testdata"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(file, ".go"):
			rel, err := filepath.Rel(root, file)
			if err != nil {
				return err
			}
			dir := filepath.ToSlash(filepath.Dir(rel))
			dirs[dir] = append(dirs[dir], file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestImportsFollowTheDrawing(t *testing.T) {
	root := moduleRoot(t)
	seen := map[string]bool{}
	for dir, files := range packagesDir(t, root) {
		top, _, _ := strings.Cut(dir, "/")
		seen[top], seen[dir] = true, true
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			test := strings.HasSuffix(file, "_test.go")
			for _, spec := range f.Imports {
				imp, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				rel, ours := strings.CutPrefix(imp, module+"/")
				if !ours || rel == dir {
					continue
				}
				if why := refuse(dir, top, rel, test); why != "" {
					t.Errorf("%s imports %s: %s", path.Join(dir, filepath.Base(file)), rel, why)
				}
			}
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(allowed)) {
		if !seen[dir] {
			t.Errorf("the drawing has %s, the tree does not", dir)
		}
	}
}

// refuse says why a file of dir may not import rel, or "".
func refuse(dir, top, rel string, test bool) string {
	relTop, _, _ := strings.Cut(rel, "/")
	switch {
	case top == "internal" || dir == "cmd/netmond" && relTop != "internal":
		return ""
	case test:
		return "" // tests drive neighbours; the compiler refuses a cycle
	case relTop == "internal":
		return "internal is support for tests"
	case relTop == "cmd":
		return "nothing imports a command"
	}
	if list, named := allowed[dir]; named && dir != top {
		if slices.Contains(list, relTop) {
			return ""
		}
		return "the drawing has no such arrow"
	}
	list, known := allowed[top]
	if !known {
		return top + " is not in the drawing"
	}
	if !slices.Contains(list, relTop) && relTop != top {
		return "the drawing has no such arrow"
	}
	return ""
}

func TestNothingRegistersItself(t *testing.T) {
	for dir, files := range packagesDir(t, moduleRoot(t)) {
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: has an init function", path.Join(dir, filepath.Base(file)))
				}
			}
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for dir, files := range packagesDir(t, moduleRoot(t)) {
		packageDoc := false
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			packageDoc = packageDoc || f.Doc != nil
			if generated(f) {
				continue
			}
			for _, decl := range f.Decls {
				for _, name := range undocumented(decl) {
					t.Errorf("%s: exported %s has no comment", path.Join(dir, filepath.Base(file)), name)
				}
			}
		}
		onlyTests := !slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") })
		if !packageDoc && !onlyTests {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func generated(f *ast.File) bool {
	return slices.ContainsFunc(f.Comments, func(c *ast.CommentGroup) bool {
		return strings.HasPrefix(c.Text(), "Code generated")
	})
}

// undocumented names what decl exports without a comment of its own or of its group.
func undocumented(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !wellKnownMethod(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := t.(*ast.Ident)
	return !ok || id.IsExported()
}

// wellKnownMethod reports methods whose meaning is fixed by an interface of the standard library.
func wellKnownMethod(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return false
	}
	switch d.Name.Name {
	case "Error", "Unwrap", "String", "Len", "Less", "Swap", "Write", "Read", "Close", "ServeHTTP", "Describe", "Collect",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText":
		return true
	}
	return false
}
