package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/netmond/netmond/alerts"
	"github.com/netmond/netmond/localnets"
	"github.com/netmond/netmond/lua"
)

// fill sets every field that can be reached to a value that is not zero, another each time, so that a
// field which a codec forgets shows. Pointers are made; slices get two elements.
func fill(v reflect.Value, n *int64) {
	*n++
	if v.Type() == reflect.TypeFor[netip.Prefix]() {
		v.Set(reflect.ValueOf(netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)}), 32)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(*n%100 - 50 + *n%2) // both signs, in the range of all
		if v.Int() == 0 {
			v.SetInt(7)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n%100 + 1))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.String:
		v.SetString("text " + string(rune('a'+*n%26)) + "\x00\xff")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Map:
		if v.Type() == reflect.TypeFor[map[string]any]() {
			v.Set(reflect.ValueOf(map[string]any{"text": "x", "number": 1.5, "yes": true, "no": false, "": ""}))
			return
		}
		v.Set(reflect.ValueOf(map[string]string{"a": "1", "b": "", "": "2"}))
	}
}

// messages are one of each type, empty.
func messages() []message {
	return []message{
		new(loadMsg), new(unloadMsg), new(snapshotMsg), new(runMsg), new(requestMsg), new(refusedMsg),
		new(replyMsg), new(startMsg), new(resultMsg), new(doneMsg), new(answerMsg),
		new(askMsg), new(alertsMsg), new(valuesMsg), new(queryMsg), new(pageMsg), new(sharedMsg), new(sharedReply),
	}
}

// left are fields that do not travel: those that the worker sets itself, and what scripts do not see.
var left = cmp.Options{
	cmpopts.IgnoreFields(lua.Options{}, "Print", "Sink", "Shared", "Stopwatch"),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Exporter(func(reflect.Type) bool { return true }),
}

// opsOf makes the changes in a message ones of each kind.
func opsOf(m message) {
	alert := func(kind alerts.OpKind) alerts.Op {
		op := alerts.Op{Kind: kind}
		n := int64(0)
		fill(reflect.ValueOf(&op.Alert).Elem(), &n)
		return op
	}
	ops := []alerts.Op{
		alert(alerts.OpEngage), alert(alerts.OpRelease), alert(alerts.OpRecord),
		{Kind: alerts.OpSet, Value: alerts.Value{Network: "192.0.2.0/24", Namespace: 5, Key: "k", Value: "v"}},
	}
	switch m := m.(type) {
	case *resultMsg:
		m.Ops = ops
	case *queryMsg:
		m.Ops = ops
	case *answerMsg:
		m.Ops = ops
	}
}

// What one end writes the other reads, every field of it.
func TestMessages(t *testing.T) {
	for _, m := range messages() {
		name := reflect.TypeOf(m).Elem().Name()
		n := int64(0)
		fill(reflect.ValueOf(m).Elem(), &n)
		opsOf(m)
		frame := appendFrame(nil, 9, m)
		var buf []byte
		kind, body, err := readFrame(bytes.NewReader(frame), &buf, maxToWorker)
		if err != nil || kind != 9 {
			t.Errorf("%s: type %d, %v", name, kind, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(m).Elem()).Interface().(message)
		if err := decode(body, got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(m, got, left); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
		for i := range body { // a message that is cut is never taken for one
			cut := reflect.New(reflect.TypeOf(m).Elem()).Interface().(message)
			if err := decode(body[:i], cut); err == nil {
				t.Errorf("%s: %d of %d bytes are read as a message", name, i, len(body))
				break
			}
		}
	}
}

// Frames that claim more than there is, or than is allowed, are refused before memory is taken for them.
func TestFrames(t *testing.T) {
	var buf []byte
	for _, c := range []struct {
		name  string
		frame []byte
		limit int
		want  error
	}{
		{"nothing", nil, 100, io.EOF},
		{"half a head", []byte{1, 0}, 100, io.ErrUnexpectedEOF},
		{"no type", []byte{0, 0, 0, 0, 1}, 100, errBadMessage},
		{"too long", binary.LittleEndian.AppendUint32(nil, 102), 100, io.ErrUnexpectedEOF},
		{"longer than allowed", append(binary.LittleEndian.AppendUint32(nil, 102), 1), 100, errBadMessage},
		{"2 GB claimed", append(binary.LittleEndian.AppendUint32(nil, 1<<31), 1), 1 << 32, io.EOF},
		{"cut", append(binary.LittleEndian.AppendUint32(nil, 10), 1, 2, 3), 100, io.ErrUnexpectedEOF},
	} {
		if _, _, err := readFrame(bytes.NewReader(c.frame), &buf, c.limit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if cap(buf) > 8<<20 {
		t.Errorf("%d bytes were taken for what is not there", cap(buf))
	}
}

// FuzzMessage reads any bytes as each message: no panic, memory in proportion to the bytes, and what is
// read is written and read again as the same.
func FuzzMessage(f *testing.F) {
	for i, m := range messages() {
		n := int64(i)
		fill(reflect.ValueOf(m).Elem(), &n)
		opsOf(m)
		f.Add(uint8(i), appendFrame(nil, 0, m)[frameHead:])
	}
	snap := networks(3)
	f.Add(uint8(2), appendFrame(nil, 0, &snapshotMsg{Snap: *snap})[frameHead:])
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		types := messages()
		m := types[int(which)%len(types)]
		if err := decode(body, m); err != nil {
			return
		}
		again := reflect.New(reflect.TypeOf(m).Elem()).Interface().(message)
		if err := decode(appendFrame(nil, 0, m)[frameHead:], again); err != nil {
			t.Fatalf("%T: what was read cannot be written and read: %v", m, err)
		}
		if diff := cmp.Diff(m, again, left, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%T (-read +again):\n%s", m, diff)
		}
	})
}

// A few bytes that claim many elements take no memory for them.
func TestClaimedLengths(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<40)
	for _, m := range messages() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for cut := range 40 {
			body := append(bytes.Repeat([]byte{0}, cut), huge...)
			_ = decode(append(body, bytes.Repeat([]byte{1}, 50)...), m) // any error
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%T: %d bytes were taken", m, took)
		}
	}
}

// A snapshot of thousands of networks keeps each text once.
func TestSnapshotTexts(t *testing.T) {
	m := &snapshotMsg{Snap: *networks(1000)}
	for i := range m.Snap.Networks {
		m.Snap.Networks[i].Protocols = []localnets.ProtocolCounts{{Name: "TLS"}, {Name: "DNS"}}
	}
	got := new(snapshotMsg)
	if err := decode(appendFrame(nil, kindSnapshot, m)[frameHead:], got); err != nil {
		t.Fatal(err)
	}
	first, last := &got.Snap.Networks[0].Protocols[0].Name, &got.Snap.Networks[999].Protocols[0].Name
	if *first != "TLS" || stringData(*first) != stringData(*last) {
		t.Error("each network has its own copy of a protocol's name")
	}
}

func stringData(s string) *byte { return unsafe.StringData(s) }

// Several workers are sent one snapshot at a time, while others read it: under the race detector this test
// finds a codec that writes into it.
func TestSnapshotIsNotWritten(t *testing.T) {
	m := &snapshotMsg{Snap: *networks(10), Views: []networkView{{Net: 1}}}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { appendFrame(nil, kindSnapshot, m) })
	}
	all.Wait()
}
