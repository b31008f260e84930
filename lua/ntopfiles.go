package lua

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	glua "github.com/yuin/gopher-lua"
)

// maxDirEntries bounds what ntop.readdir gives of a folder.
const maxDirEntries = 10_000

// fileFunctions look at the script folders, and at nothing else of the machine.
func fileFunctions() []Function {
	path := Arg{Name: "path", Type: "string", Doc: "a path inside a script folder, absolute or from there, or below ntop.getDirs().installdir"}
	const ntopng = "ntopng, which looks at any path."
	return []Function{
		{Name: "getDirs", Returns: "table", Doc: "installdir, scriptdir, workingdir: strings. Scripts put them before package.path, which has no effect: require reads the script folders.", Source: "ntopng.", fn: (*VM).ntopGetDirs},
		{Name: "getCurrentScriptsDir", Returns: "string", Doc: "The folder scripts below installdir.", Source: "ntopng.", fn: (*VM).ntopScriptsDir},
		{Name: "readdir", Returns: "table or nil", Args: []Arg{path}, Doc: "The names in a folder (10,000 at most), each as key and as value; nil when it is no folder inside the script folders.", Source: ntopng, fn: (*VM).ntopReaddir},
		{Name: "exists", Returns: "boolean", Args: []Arg{path}, Doc: "Whether there is a file or folder; false for what lies outside the script folders.", Source: ntopng, fn: (*VM).ntopExists},
		{Name: "isdir", Returns: "boolean", Args: []Arg{path}, Doc: "Whether there is a folder.", Source: ntopng, fn: (*VM).ntopIsDir},
		{Name: "mkdir", Returns: "boolean", Args: []Arg{path}, Doc: "Always false: scripts write no files.", Source: ntopng, fn: func(_ *VM, l *glua.LState) int { return pushBool(l, false) }},
	}
}

func (v *VM) ntopGetDirs(l *glua.LState) int {
	dir := v.opts.InstallDir
	l.Push(v.table("installdir", dir, "scriptdir", dir+"/scripts", "workingdir", dir))
	return 1
}

func (v *VM) ntopScriptsDir(l *glua.LState) int { return pushText(l, v.opts.InstallDir+"/scripts") }

// statScript finds what path means in the script folders. Links that lead out of them, and .. are
// refused.
func (v *VM) statScript(path string) (dir, rel string, info os.FileInfo) {
	for _, dir := range v.opts.ScriptDirs {
		for _, base := range []string{dir, v.opts.InstallDir} {
			rel := path
			if filepath.IsAbs(path) {
				var err error
				if rel, err = filepath.Rel(base, path); base == "" || err != nil {
					continue
				}
			}
			if !filepath.IsLocal(rel) {
				continue
			}
			if info, err := statBelow(dir, rel); err == nil {
				return dir, rel, info
			}
		}
	}
	return "", "", nil
}

func statBelow(dir, rel string) (os.FileInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Stat(rel)
}

func (v *VM) ntopExists(l *glua.LState) int {
	return v.checkPath(l, func(os.FileInfo) bool { return true })
}

func (v *VM) ntopIsDir(l *glua.LState) int { return v.checkPath(l, os.FileInfo.IsDir) }

func (v *VM) checkPath(l *glua.LState, good func(os.FileInfo) bool) int {
	path, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "", 1, "path", "string")
	}
	_, _, info := v.statScript(string(path))
	return pushBool(l, info != nil && good(info))
}

func (v *VM) ntopReaddir(l *glua.LState) int {
	path, ok := l.Get(1).(glua.LString)
	if !ok {
		return v.argumentError(l, "", 1, "path", "string")
	}
	dir, rel, info := v.statScript(string(path))
	if info == nil || !info.IsDir() {
		return pushNil(l)
	}
	names, err := namesBelow(dir, rel)
	if err != nil {
		v.warn(l, "ntop.readdir: "+err.Error())
		return pushNil(l)
	}
	t := v.state.CreateTable(0, len(names))
	for _, name := range names {
		t.RawSetString(name, glua.LString(name))
	}
	l.Push(t)
	return 1
}

// namesBelow lists a folder, sorted.
func namesBelow(dir, rel string) ([]string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(maxDirEntries)
	if err != nil && len(entries) == 0 && !errors.Is(err, io.EOF) {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, nil
}
