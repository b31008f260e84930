package lua

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// moduleFolders are looked in below each script folder.
var moduleFolders = []string{"", "modules", filepath.Join("scripts", "lua", "modules")}

// baseRequire gives a built-in module, or runs a file of the script folders once. package.path is a
// string that scripts may read and set; it is not looked at.
func (v *VM) baseRequire(l *glua.LState) int {
	name := argString(l, 1)
	if m, ok := v.modules[name]; ok {
		l.Push(m)
		return 1
	}
	if build, ok := v.builtins[name]; ok {
		l.Push(v.module(name, build))
		return 1
	}
	if lib, ok := l.G.Global.RawGetString(name).(*glua.LTable); ok && standardLibraries[name] {
		l.Push(lib)
		return 1
	}
	path, src, err := v.findModule(name)
	if err != nil {
		l.RaiseError("module '%s' not found: %s", name, err.Error())
	}
	value := v.runModule(l, name, path, src)
	v.keepModule(name, value)
	l.Push(value)
	return 1
}

// runModule runs a file's source with name and path as arguments, for its first value; true where it
// gives none.
func (v *VM) runModule(l *glua.LState, name, path, src string) glua.LValue {
	if v.loading[name] {
		l.RaiseError("loop in require of module '%s'", name)
	}
	if stackFull(l) { // see protectedCall
		l.RaiseError("stack overflow in require of module '%s'", name)
	}
	proto, err := compile(path, src)
	if err != nil {
		l.RaiseError("error loading module '%s': %s", name, err.Error())
	}
	v.loading[name] = true
	l.Push(l.NewFunctionFromProto(proto))
	l.Push(glua.LString(name))
	l.Push(glua.LString(path))
	errCall := l.PCall(2, 1, nil)
	delete(v.loading, name)
	if errCall != nil {
		if api, ok := errCall.(*glua.ApiError); ok && api.Object != nil {
			l.Error(api.Object, 0)
		}
		l.RaiseError("%s", errCall.Error())
	}
	value := l.Get(-1)
	l.Pop(1)
	if value == glua.LNil {
		return glua.LTrue
	}
	return value
}

var standardLibraries = map[string]bool{
	"string": true, "table": true, "math": true, "os": true, "coroutine": true, "utf8": true, "bit32": true, "debug": true,
}

func (v *VM) module(name string, build func() glua.LValue) glua.LValue {
	if m, ok := v.modules[name]; ok {
		return m
	}
	m := build()
	v.keepModule(name, m)
	return m
}

func (v *VM) keepModule(name string, value glua.LValue) {
	v.modules[name] = value
	if pkg, ok := v.state.G.Global.RawGetString("package").(*glua.LTable); ok {
		if loaded, ok := pkg.RawGetString("loaded").(*glua.LTable); ok {
			loaded.RawSetString(name, value)
		}
	}
}

// findModule reads the file of a module. Names are made of letters, digits, _ and -, joined by dots
// or slashes, so no name leaves the script folders; a link that leads out of them is refused too.
func (v *VM) findModule(name string) (path, src string, err error) {
	rel := strings.ReplaceAll(name, ".", "/")
	for _, part := range strings.Split(rel, "/") {
		if !moduleName(part) {
			return "", "", errors.New("a name is made of letters, digits, _ and -, joined by dots")
		}
	}
	if len(v.opts.ScriptDirs) == 0 {
		return "", "", errors.New("no built-in module has this name and there are no script folders")
	}
	path, src, err = v.readScript(rel)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("no file %s.lua in %s", rel, strings.Join(v.opts.ScriptDirs, ", "))
	}
	return path, src, err
}

// moduleName reports whether name can be one part of a module's name.
func moduleName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r > 0x7f || !isNameByte(byte(r), false) && r != '-'
	}) < 0
}

// readScript reads rel.lua of the first script folder that has it.
func (v *VM) readScript(rel string) (path, src string, err error) {
	for _, dir := range v.opts.ScriptDirs {
		for _, folder := range moduleFolders {
			file := filepath.Join(folder, filepath.FromSlash(rel)+".lua")
			src, err := readBelow(dir, file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return filepath.Join(dir, file), src, err
		}
	}
	return "", "", fs.ErrNotExist
}

// readBelow reads a regular file of at most MaxSource bytes, whose path may not leave dir by links.
func readBelow(dir, file string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(file) // before opening, which would wait for a named pipe's writer
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", file)
	}
	f, err := root.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return readSource(f, file)
}

// readSource reads at most MaxSource bytes.
func readSource(r io.Reader, name string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSource+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > MaxSource {
		return "", fmt.Errorf("%s has more than %d bytes", name, MaxSource)
	}
	return string(b), nil
}
