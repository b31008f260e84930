package capture

import "math"

// noBound is the bound of a fill that no other input ends.
const noBound = math.MaxInt64

// inputHeap is a binary heap of inputs, the one with the earliest next frame first; equal times are
// in the order of paths.
type inputHeap []*input

func (h inputHeap) before(i, j int) bool {
	if h[i].next != h[j].next {
		return h[i].next < h[j].next
	}
	return h[i].index < h[j].index
}

// bound is the time up to which, included, the first input's frames come before all others.
func (h inputHeap) bound() int64 {
	second := 1
	switch {
	case len(h) < 2:
		return noBound
	case len(h) > 2 && h.before(2, 1):
		second = 2
	}
	if h[0].index < h[second].index {
		return h[second].next
	}
	return h[second].next - 1 // no underflow: h[0] comes first by its time, which is smaller
}

func (h *inputHeap) push(in *input) {
	*h = append(*h, in)
	for i := len(*h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.before(i, parent) {
			return
		}
		(*h)[i], (*h)[parent] = (*h)[parent], (*h)[i]
		i = parent
	}
}

// pop removes the first input.
func (h *inputHeap) pop() {
	last := len(*h) - 1
	(*h)[0], (*h)[last] = (*h)[last], nil
	*h = (*h)[:last]
	h.fixFirst()
}

// fixFirst restores the order after the first input's next frame changed.
func (h inputHeap) fixFirst() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h); child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
