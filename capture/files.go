package capture

import (
	"io"

	"github.com/netmond/netmond/packet"
)

// Files is a Source over capture files.
type Files struct{}

// OpenFiles opens paths ("-" is stdin) and reads each file's header. It does not fail: a file that
// cannot be opened or read, at its start or later, ends there with an error in Errors, and the
// others go on. Frames of several files come in order of time.
func OpenFiles(paths []string, stdin io.Reader) *Files { return &Files{} }

// ReadBlock gives frames of all files; io.EOF when all have ended.
func (f *Files) ReadBlock(b *packet.Block) error { return io.EOF }

// Errors lists what was wrong, one per file at most, in the order of paths. Valid after io.EOF.
func (f *Files) Errors() []*FileError { return nil }

// Progress is the bytes read so far of the files on disk and their total size (compressed where
// they are); total 0 is unknown (standard input).
func (f *Files) Progress() (read, total int64) { return 0, 0 }

// Close closes the files.
func (f *Files) Close() error { return nil }
