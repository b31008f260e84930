/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the program does not count itself goes to user space through the ring buffer, and is counted
 * here by reason where that has no room: no frame is in no counter. */
#pragma once

#include "types.h"

/* load_bytes copies the first n bytes of the frame, at most room of them, which is a constant; 0 when it could.
 * Each kind of program has its own. */
INLINE long load_bytes(context *ctx, void *to, u32 n, u32 room);

/* put is offer with a record that has room for so many bytes. */
INLINE int put(context *ctx, const struct frame *f, u32 n, u32 room)
{
	struct record *r = bpf_ringbuf_reserve(&frames, sizeof(*r) + room, 0);

	if (!r)
		return 0;
	if (n > room)
		n = room;
	r->time = f->time;
	r->wire_len = f->len;
	r->cap_len = n;
	r->vlan_tpid = f->tpid;
	r->vlan_tci = f->tci;
	r->kind = f->kind;
	r->reason = f->reason;
	r->client = f->client;
	r->pad = 0;
	r->flow = f->entry;
	r->pad2 = 0;
	if (load_bytes(ctx, r + 1, n, room)) {
		bpf_ringbuf_discard(r, 0);
		return 0;
	}
	bpf_ringbuf_submit(r, 0);
	return 1;
}

/* offer puts the first n bytes of a frame into the ring, as f says; 0 when there is no room. */
GLOBAL int offer(context *ctx, const struct frame *f, u32 n)
{
	if (!f)
		return 0;
	return n > SMALL_RECORD ? put(ctx, f, n, LARGE_RECORD) : put(ctx, f, n, SMALL_RECORD);
}

/* hand_up gives user space a frame of size bytes to decode and count. */
INLINE void hand_up(context *ctx, struct cpu *cpu, struct frame *f, u32 size, u8 reason)
{
	u32 i = reason & 7;
	int ok;

	f->kind = KIND_UNCOUNTED;
	f->reason = reason;
	ok = offer(ctx, f, size);
	if (ok) {
		add(&cpu->handed[i], f->len);
		return;
	}
	add(&cpu->refused[i], f->len);
	seen(&cpu->first, &cpu->last, f->time);
}
