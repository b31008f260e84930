package engine

import (
	"fmt"
	"io/fs"
)

// Source is the present text of a check's file, for people to read: the text that runs may be an earlier
// one where this one cannot be loaded. An error wraps fs.ErrNotExist where there is no such check; any
// other says what kept the file from being read. Any goroutine may call it.
func (e *Engine) Source(key string) (string, error) {
	for _, f := range e.scanFolders(e.set.Load().cfg).files {
		if f.key == key {
			return e.readScript(&f)
		}
	}
	return "", fmt.Errorf("check %q: %w", key, fs.ErrNotExist)
}
