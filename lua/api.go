package lua

import (
	glua "github.com/yuin/gopher-lua"
)

// A Module is one table of API functions as scripts see it.
type Module struct {
	Name      string
	Doc       string
	Functions []Function
}

// A Function is one API function.
type Function struct {
	Name    string
	Args    []Arg
	Returns string
	Doc     string
	// Source says whose behaviour this is, and where the two differ what is followed.
	Source string

	fn func(v *VM, l *glua.LState) int
}

// An Arg is one argument of a Function.
type Arg struct {
	Name, Type, Doc string
	Optional        bool
}

// Signature is the call as documentation shows it.
func (f *Function) Signature(module string) string {
	s := module + "." + f.Name + "("
	for i, a := range f.Args {
		if i > 0 {
			s += ", "
		}
		s += a.Name
		if a.Optional {
			s += "?"
		}
	}
	return s + ")"
}

// Modules are the API's global tables, in the order of the reference.
func Modules() []Module { return []Module{networkModule(), interfaceModule(), ntopModule()} }

// openModules sets the global API tables and what require finds without a file.
func (v *VM) openModules() {
	v.statsMeta = v.library(map[string]glua.LGFunction{"__index": v.statsIndex, "__newindex": statsNewIndex})
	v.trafficMt = v.trafficMetatable()
	v.netsMeta = v.library(map[string]glua.LGFunction{"__index": networksIndex})
	for _, m := range Modules() {
		t := v.state.NewTable()
		for _, f := range m.Functions {
			full := m.Name + "." + f.Name
			t.RawSetString(f.Name, v.state.NewFunction(func(l *glua.LState) int {
				v.calling = full
				return f.fn(v, l)
			}))
		}
		v.state.G.Global.RawSetString(m.Name, t)
	}
	v.state.G.Global.RawSetString("i18n", v.state.NewFunction(baseI18n))
	v.builtins = v.builtinModules()
	for _, name := range []string{"rest_utils"} { // the reference's REST example does not require it
		if build, ok := v.builtins[name]; ok {
			v.state.G.Global.RawSetString(name, v.module(name, build))
		}
	}
}
