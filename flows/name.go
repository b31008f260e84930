package flows

// nameLen is the part of a server name that one record holds; longer names take a chain of records.
const nameLen = 59

// A name is a server name, or a part of one, as flow detail.
type name struct {
	next uint32 // 1 + number of the rest, 0 none; the free list's link
	n    uint8
	text [nameLen]byte
}

func (n *name) link() *uint32 { return &n.next }

// keepName stores text and gives 1 + the number of its record, or 0 where the pool has no room; that
// is counted.
func (s *shard) keepName(text []byte) uint32 {
	if len(text) == 0 {
		return 0
	}
	var head uint32
	last := (len(text) - 1) / nameLen * nameLen
	for at := last; at >= 0; at -= nameLen { // from the end, so that each record knows its next
		i, ok := s.names.get()
		if !ok {
			s.freeName(head)
			s.namesRefused++
			return 0
		}
		rec := s.names.at(i)
		rec.next = head
		rec.n = uint8(copy(rec.text[:], text[at:min(at+nameLen, len(text))]))
		head = i + 1
	}
	return head
}

func (s *shard) freeName(head uint32) {
	for head != 0 {
		next := s.names.at(head - 1).next
		s.names.put(head - 1)
		head = next
	}
}

// appendName appends the name that begins at head.
func (s *shard) appendName(dst []byte, head uint32) []byte {
	for head != 0 {
		rec := s.names.at(head - 1)
		dst = append(dst, rec.text[:rec.n]...)
		head = rec.next
	}
	return dst
}
