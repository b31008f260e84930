package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow bounds a zstd decoder's memory: the largest window that the zstd program decodes
// without being told to.
const maxZstdWindow = 128 << 20

// compression names the compression that begins with b, or "".
func compression(b []byte) string {
	switch {
	case len(b) >= 2 && b[0] == 0x1f && b[1] == 0x8b: // RFC 1952
		return "gzip"
	case len(b) >= 4 && b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd, // RFC 8878
		len(b) >= 4 && b[0]&0xf0 == 0x50 && b[1] == 0x2a && b[2] == 0x4d && b[3] == 0x18: // skippable frame
		return "zstd"
	}
	return ""
}

// decompressed gives the bytes behind whatever compression br begins with: all gzip members, all
// zstd frames, each decoder without goroutines of its own.
func decompressed(br *bufio.Reader) (io.Reader, error) {
	magic, _ := br.Peek(4) // an error shows again at the first read
	var r io.Reader
	var err error
	kind := compression(magic)
	switch kind {
	case "gzip":
		r, err = gzip.NewReader(br)
	case "zstd":
		r, err = zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(maxZstdWindow))
	default:
		return br, nil
	}
	if err != nil {
		return nil, decompressError(kind, err)
	}
	return &decompressor{r, kind}, nil
}

// A decompressor gives its errors the name of the compression.
type decompressor struct {
	r    io.Reader
	kind string
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && err != io.EOF {
		err = decompressError(d.kind, err)
	}
	return n, err
}

func decompressError(kind string, err error) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path): // the file below, not its contents
		return path
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("the zstd data needs a window of more than %d MiB", maxZstdWindow>>20)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("the %s data is cut", kind)
	}
	return fmt.Errorf("the %s data is damaged: %w", kind, err)
}
