package lua

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"

	"github.com/netmond/netmond/localnets"
)

// A Request is what a REST script sees of the request that runs it, as the globals _GET, _POST,
// _SERVER and _SESSION.
type Request struct {
	Get, Post, Server, Session map[string]string
}

// Bounds of a request.
const (
	maxParameters   = 1000
	maxRequestBytes = 1 << 20 // of all names and values
	maxAnswerBytes  = 4 << 20 // of printed text
	maxHeadBytes    = 16 << 10
)

// Errors of requests.
var (
	ErrRequestTooLarge = errors.New("request has too many or too long parameters")
	ErrAnswerTooLarge  = errors.New("answer is too long")
	ErrNoAnswer        = errors.New("script gave no answer")
)

// SetRequest sets the globals of a request for the next runs.
func (c *Check) SetRequest(r Request) { c.vm.setRequest(r) }

func (v *VM) setRequest(r Request) {
	for name, values := range map[string]map[string]string{"_GET": r.Get, "_POST": r.Post, "_SERVER": r.Server, "_SESSION": r.Session} {
		t := v.state.CreateTable(0, len(values))
		for _, key := range sortedKeys(values) {
			if key != string(hiddenKey) {
				t.RawSetString(key, luaValue(values[key]))
			}
		}
		v.state.G.Global.RawSetString(name, t)
	}
}

func (r *Request) tooLarge() bool {
	count, bytes := 0, 0
	for _, values := range []map[string]string{r.Get, r.Post, r.Server, r.Session} {
		count += len(values)
		for name, value := range values {
			bytes += len(name) + len(value)
		}
	}
	return count > maxParameters || bytes > maxRequestBytes
}

// requestFolders are where REST scripts are, below a script folder. Only what lies in one is served:
// checks and modules are not for requests.
var requestFolders = [...]string{"", filepath.Join("scripts", "lua")}

// RunRequestFile is RunRequest for the script that a URL names: name is rest/ and the rest of its path,
// looked for in each of opts.ScriptDirs and in scripts/lua there. The error wraps fs.ErrNotExist when
// there is none; the answer then is "not found".
func RunRequestFile(ctx context.Context, name string, req Request, snap *localnets.Snapshot, now int64, opts Options) (*Answer, error) {
	rel, isLua := strings.CutSuffix(name, ".lua")
	parts := strings.Split(rel, "/")
	good := isLua && len(parts) > 1 && parts[0] == "rest"
	for _, part := range parts {
		good = good && moduleName(part)
	}
	for _, dir := range opts.ScriptDirs {
		for _, folder := range requestFolders {
			if !good {
				break
			}
			file := filepath.Join(folder, filepath.FromSlash(name))
			src, err := readBelow(dir, file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return errorAnswer("internal_error"), err
			}
			return RunRequest(ctx, filepath.Join(dir, file), src, req, snap, now, opts)
		}
	}
	return errorAnswer("not_found"), fmt.Errorf("REST script %.100q: %w", name, fs.ErrNotExist)
}

// RunRequest runs a REST script in a VM of its own, with no network selected: on snap, at the time now
// (ns since the Unix epoch, 0 for the machine's clock). The answer is what it gave to rest_utils, else
// what it printed: the body, or a whole HTTP message with status line and headers, as ntopng's own
// scripts print. opts.PrintLimit bounds printed text, 4 MiB by default; here print writes no newlines.
//
// The answer is never nil. With an error it is one that tells the client no more than the kind of
// failure, and the error is for the log: it has file and line, and wraps ErrTimeLimit,
// ErrRequestTooLarge, ErrAnswerTooLarge or ErrNoAnswer.
func RunRequest(ctx context.Context, path, src string, req Request, snap *localnets.Snapshot, now int64, opts Options) (*Answer, error) {
	if req.tooLarge() {
		return errorAnswer("invalid_args"), ErrRequestTooLarge
	}
	if opts.PrintLimit <= 0 {
		opts.PrintLimit = maxAnswerBytes
	}
	opts.Print = nil
	v := NewVM(opts)
	defer v.Close()
	v.owner = path
	v.run.snap, v.run.now, v.run.request = snap, now, true
	v.setRequest(req)
	err := v.protect(ctx, func(l *glua.LState) error {
		proto, err := compile(path, src)
		if err != nil {
			return err
		}
		l.Push(l.NewFunctionFromProto(proto))
		return l.PCall(0, 0, nil)
	})
	a, printed := v.run.answer, v.run.output.String()
	switch {
	case err != nil:
	case a != nil:
		if printed != "" {
			v.run.warnings = append(v.run.warnings, fmt.Sprintf("printed beside the answer: %.200q", printed))
		}
	case v.stats.PrintDropped > 0:
		err = fmt.Errorf("%s: %w: more than %d bytes", path, ErrAnswerTooLarge, opts.PrintLimit)
	case printed == "":
		err = fmt.Errorf("%s: %w", path, ErrNoAnswer)
	default:
		a = v.printedAnswer(printed)
	}
	if err != nil {
		a = errorAnswer("internal_error")
	}
	a.Warnings = v.run.warnings
	return a, err
}

// errorAnswer is the answer of rest_utils.consts.err[name], without a payload.
func errorAnswer(name string) *Answer {
	for _, r := range restResults {
		if r.name == name {
			return &Answer{Status: r.status, ContentType: "application/json",
				Body: fmt.Sprintf(`{"rc":%d,"rc_str":%q,"rc_str_hr":%q,"rsp":[]}`, r.rc, strings.ToUpper(name), r.text)}
		}
	}
	panic("lua: no such error: " + name)
}

// printedAnswer is printed text as an answer. Text that begins like an HTTP message but has no
// readable head is a body.
func (v *VM) printedAnswer(text string) *Answer {
	plain := &Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: text}
	if !strings.HasPrefix(text, "HTTP/1.") {
		return plain
	}
	head, body, found := strings.Cut(text, "\r\n\r\n")
	if !found || len(head) > maxHeadBytes {
		return plain
	}
	lines := strings.Split(head, "\r\n")
	words := strings.Fields(lines[0])
	if len(words) < 2 {
		return plain
	}
	status, err := strconv.Atoi(words[1])
	if err != nil || status < 200 || status > 599 {
		return plain
	}
	a := &Answer{Status: status, ContentType: plain.ContentType, Body: body}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if bad := a.set(name, value); bad != "" && len(v.run.warnings) < maxWarnings {
			v.run.warnings = append(v.run.warnings, bad)
		}
	}
	return a
}
