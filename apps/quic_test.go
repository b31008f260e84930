package apps

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// protectInitial builds a client's Initial packet with full protection (RFC 9001 section 5): the frames
// with padding to size bytes, packet number pn in 4 bytes.
func protectInitial(t testing.TB, version uint32, dcid []byte, pn uint32, frames []byte, size int) []byte {
	t.Helper()
	keys := keysOf(version)
	expand := func(secret []byte, info string, n int) []byte {
		out, err := hkdf.Expand(sha256.New, secret, info, n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	initial, err := hkdf.Extract(sha256.New, dcid, []byte(keys.salt))
	if err != nil {
		t.Fatal(err)
	}
	secret := expand(initial, clientIn, 32)
	key, iv, hp := expand(secret, keys.key, 16), expand(secret, keys.iv, 12), expand(secret, keys.hp, 16)

	plain := append(slices.Clone(frames), zeros(max(0, size-len(frames)))...)
	length := 4 + len(plain) + 16
	header := cat(0xc3|int(keys.initial)<<4, u32(int(version)), len(dcid), dcid, 0, 0, u16(0x4000|length), u32(int(pn)))
	nonce := slices.Clone(iv)
	for i, c := range u32(int(pn)) {
		nonce[8+i] ^= c
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	pkt := aead.Seal(slices.Clone(header), nonce, plain, header)
	at := len(header) - 4
	mask := make([]byte, 16)
	hpBlock, err := aes.NewCipher(hp)
	if err != nil {
		t.Fatal(err)
	}
	hpBlock.Encrypt(mask, pkt[at+4:])
	pkt[0] ^= mask[0] & 0x0f
	for i := range 4 {
		pkt[at+i] ^= mask[1+i]
	}
	return pkt
}

// cryptoFrame is a CRYPTO frame with data's bytes from off to end.
func cryptoFrame(data []byte, off, end int) []byte {
	return cat(6, u16(0x4000|off), u16(0x4000|(end-off)), data[off:end])
}

// rfcHello is the CRYPTO frame of RFC 9001 appendix A.2, which RFC 9369 appendix A.2 uses too.
var rfcHello = unhex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c" +
	"00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007" +
	"000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43" +
	"e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ff" +
	"ffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff")

// The client's first packets of RFC 9001 appendix A.2 and RFC 9369 appendix A.2: what the test's own
// protection makes has their bytes, and Classify reads the name from it.
func TestQUICVectors(t *testing.T) {
	dcid := unhex("8394c8f03e515708")
	for _, tc := range []struct {
		name          string
		version       uint32
		header, start string
		tag           string
	}{
		{
			"version 1", quicV1, "c000000001088394c8f03e5157080000449e7b9aec34", "d1b1c98dd7689fb8ec11d242b123dc9b",
			"e221af44860018ab0856972e194cd934",
		},
		{
			"version 2", quicV2, "d76b3343cf088394c8f03e5157080000449ea0c95e82", "ffe67b6abcdb4298b485dd04de806071",
			"a18b2faa745b6fe189cf772a9f84cbfc",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pkt := protectInitial(t, tc.version, dcid, 2, rfcHello, 1162)
			if len(pkt) != 1200 {
				t.Fatalf("%d bytes, want 1200", len(pkt))
			}
			if got := pkt[:22]; !bytes.Equal(got, unhex(tc.header)) {
				t.Errorf("header %x, want %s", got, tc.header)
			}
			if got := pkt[22:38]; !bytes.Equal(got, unhex(tc.start)) {
				t.Errorf("payload starts %x, want %s", got, tc.start)
			}
			if got := pkt[1184:]; !bytes.Equal(got, unhex(tc.tag)) {
				t.Errorf("tag %x, want %s", got, tc.tag)
			}
			checkQUIC(t, pkt, "example.com", true)
		})
	}
}

// checkQUIC classifies a client's datagram.
func checkQUIC(t *testing.T, datagram []byte, server string, final bool) {
	t.Helper()
	p := Packet{Proto: protoUDP, SrcPort: 50000, DstPort: 443, FromClient: true, Payload: datagram}
	got := Classify(&p, make([]byte, MaxServerName))
	if got.ID != idQUIC || string(got.Server) != server || got.Final != final {
		t.Errorf("%v server %q final %v, want QUIC server %q final %v", got.ID, got.Server, got.Final, server, final)
	}
}

func TestQUICInitials(t *testing.T) {
	dcid := unhex("0001020304050607")
	hello := clientHello("quic.example.com")
	// A hello of two datagrams: the name comes after a key share of 1,200 bytes.
	long := slices.Clone(hello[:4+2+32+1+32+2+4+2])
	ext := cat(u16(51), u16(1200), counting(1200), u16(0), u16(21), u16(19), 0, u16(16), "late.example.com")
	long = cat(long, u16(len(ext)), ext)
	binary.BigEndian.PutUint16(long[2:], uint16(len(long)-4))
	initial := func(pn uint32, frames ...any) []byte {
		return protectInitial(t, quicV1, dcid, pn, cat(frames...), 1162)
	}
	whole := initial(0, cryptoFrame(hello, 0, len(hello)))
	ack := unhex("02 05 00 01 00 00 00") // two ranges
	for _, tc := range []struct {
		name   string
		data   []byte
		server string
		final  bool
	}{
		{"one frame", whole, "quic.example.com", true},
		{"draft 29", protectInitial(t, quicDraft29, dcid, 0, cryptoFrame(hello, 0, len(hello)), 1162), "quic.example.com", true},
		{"no name", initial(0, cryptoFrame(clientHello(""), 0, len(clientHello("")))), "", true},
		{"frames out of order", initial(1, ack, cryptoFrame(hello, 60, len(hello)), 1, zeros(9), cryptoFrame(hello, 20, 60), cryptoFrame(hello, 0, 20)), "quic.example.com", true},
		{"overlapping frames", initial(1, cryptoFrame(hello, 0, 70), cryptoFrame(hello, 40, len(hello))), "quic.example.com", true},
		{"start is missing", initial(1, cryptoFrame(hello, 60, len(hello))), "quic.example.com", true},
		{"name in the second datagram: first", initial(0, cryptoFrame(long, 0, 1100)), "", false},
		{"name in the second datagram: second", initial(1, cryptoFrame(long, 1100, len(long))), "late.example.com", true},
		{"two packets in one datagram", cat(protectInitial(t, quicV1, dcid, 0, cryptoFrame(hello, 0, 80), 0), protectInitial(t, quicV1, dcid, 1, cryptoFrame(hello, 80, len(hello)), 1000)), "quic.example.com", true},
		{"cut by the snap length", whole[:400], "quic.example.com", true},
		{"cut before the name", whole[:60], "", false},
		{"wrong key", cat(whole[:6], "xxxxxxxx", whole[14:]), "", false},
		{"connection closed", initial(0, unhex("1c000000")), "", false},
		{"unknown version", cat(0xc0, u32(0x1a2a3a4a), whole[5:]), "", false},
	} {
		t.Run(tc.name, func(t *testing.T) { checkQUIC(t, tc.data, tc.server, tc.final) })
	}
}

// However a ClientHello is cut into frames and in whatever order they come, its name is found.
func TestQUICAnyFraming(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		hello := clientHello(rapid.StringMatching(`[a-z]{1,20}(\.[a-z0-9]{1,9}){1,3}`).Draw(rt, "host"))
		want, _ := clientHelloName(hello[4:], false)
		cuts := rapid.SliceOfN(rapid.IntRange(1, len(hello)-1), 0, 12).Draw(rt, "cuts")
		cuts = append(cuts, 0, len(hello))
		slices.Sort(cuts)
		var frames [][]byte
		for i := 1; i < len(cuts); i++ {
			frames = append(frames, cryptoFrame(hello, cuts[i-1], cuts[i]), zeros(i%3))
		}
		frames = rapid.Permutation(frames).Draw(rt, "order")
		dcid := rapid.SliceOfN(rapid.Byte(), 8, 20).Draw(rt, "dcid")
		pkt := protectInitial(t, quicV1, dcid, rapid.Uint32().Draw(rt, "pn"), slices.Concat(frames...), 1100)
		name, final := quicServer(pkt, make([]byte, MaxServerName))
		if string(name) != string(want) || !final {
			rt.Fatalf("server %q final %v, want %q", name, final, want)
		}
	})
}

// The cost of an Initial is bounded whatever its frames are.
func TestQUICAllocations(t *testing.T) {
	hello := clientHello("quic.example.com")
	dst := make([]byte, MaxServerName)
	for _, frames := range [][]byte{cryptoFrame(hello, 0, len(hello)), bytes.Repeat(cryptoFrame(hello, 0, 1), 180)} {
		p := Packet{Proto: protoUDP, DstPort: 443, FromClient: true, Payload: protectInitial(t, quicV1, counting(8), 0, frames, 1162)}
		Classify(&p, dst) // fills the pool
		const limit = 80
		if n := testing.AllocsPerRun(50, func() { Classify(&p, dst) }); n > limit {
			t.Errorf("%v allocations for one Initial, want at most %d", n, limit)
		}
	}
}
