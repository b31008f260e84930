package history

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// The coders of frames hold no state between calls.
var (
	packer, _        = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<18))
	frameUnpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
)

// A frame is the points of many series from one step on, before they are sealed in chunks.
type frame struct {
	step, start int64
	count       int
	names       []string
	points      [][]point // by name, count each
}

// encode packs the points; ids are of the names.
func (f *frame) encode(ids []int64) []byte {
	b := make([]byte, 0, len(f.names)*(f.count*pointBytes+4))
	for i, points := range f.points {
		b = binary.AppendUvarint(b, uint64(ids[i]))
		for field := range NumFields {
			for k := range points {
				b = binary.LittleEndian.AppendUint16(b, points[k][field])
			}
		}
	}
	return packer.EncodeAll(b, nil)
}

// decodeFrame gives the points by series.
func decodeFrame(b []byte, count int) (map[int64][]point, error) {
	b, err := frameUnpacker.DecodeAll(b, nil)
	if err != nil || count < 1 || count > maxChunk {
		return nil, errChunk
	}
	all := map[int64][]point{}
	for r := (&reader{b: b}); len(r.b) > 0; {
		id := int64(r.uvarint())
		raw := r.bytes(uint64(count) * pointBytes)
		if r.bad {
			return nil, errChunk
		}
		points := make([]point, count)
		for field := range NumFields {
			for k := range points {
				points[k][field] = binary.LittleEndian.Uint16(raw[(field*count+k)*2:])
			}
		}
		all[id] = points
	}
	return all, nil
}

// sealFrames turns the frames of a process that has ended into chunks.
func (d *database) sealFrames(ctx context.Context) error {
	type key struct{ step, series int64 }
	type piece struct {
		start  int64
		points []point
	}
	pieces := map[key][]piece{}
	rows, err := d.write.QueryContext(ctx, "SELECT step, start, count, points FROM frames ORDER BY step, start")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var step, start int64
		var count int
		var blob []byte
		if err := rows.Scan(&step, &start, &count, &blob); err != nil {
			return err
		}
		all, err := decodeFrame(blob, count)
		if err != nil {
			continue // one flush of one tier is lost; the file as a whole is sound
		}
		for id, points := range all {
			k := key{step, id}
			pieces[k] = append(pieces[k], piece{start, points})
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	if len(pieces) == 0 {
		return nil
	}
	return d.transact(ctx, func(tx *writer) error {
		for k, list := range pieces {
			for len(list) > 0 { // as many as a chunk takes
				first, n := list[0].start, 0
				for n < len(list) && list[n].start+int64(len(list[n].points))-first <= maxChunk {
					n++
				}
				last := list[n-1]
				points := slices.Repeat([]point{noPoint}, int(last.start-first)+len(last.points))
				for _, p := range list[:n] {
					copy(points[p.start-first:], p.points)
				}
				if err := d.insertChunk(ctx, tx, k.step, k.series, chunk{first, points}.trimmed()); err != nil {
					return err
				}
				list = list[n:]
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM frames")
		return err
	})
}

func (d *database) insertChunk(ctx context.Context, tx *writer, step, series int64, c chunk) error {
	if len(c.points) == 0 {
		return nil
	}
	return d.insertSealed(ctx, tx, step, series, sealedChunk{c.start, len(c.points), encode(c.points, mantissaOf(step*int64(time.Second)))})
}

func (d *database) insertSealed(ctx context.Context, tx *writer, step, series int64, c sealedChunk) error {
	tx.grew("chunks", step, len(c.blob))
	return tx.insert(ctx, insertChunks, step, series, c.start, c.count, c.blob)
}
