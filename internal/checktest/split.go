package checktest

import (
	"encoding/binary"
	"testing"
)

// splitPcap cuts a file of pcaptest.Pcap (little endian, nanoseconds) in two at a capture time.
func splitPcap(t testing.TB, file []byte, at int64) [][]byte {
	t.Helper()
	const fileHeader, recordHeader = 24, 16
	for pos := fileHeader; pos+recordHeader <= len(file); {
		seconds, nanos := binary.LittleEndian.Uint32(file[pos:]), binary.LittleEndian.Uint32(file[pos+4:])
		if int64(seconds)*1e9+int64(nanos) >= at {
			return [][]byte{file[:pos:pos], append(file[:fileHeader:fileHeader], file[pos:]...)}
		}
		pos += recordHeader + int(binary.LittleEndian.Uint32(file[pos+8:]))
	}
	t.Fatal("no packet at or after the time to cut at")
	return nil
}
