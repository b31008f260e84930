//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Counting at the earliest place, before the kernel makes a packet of the frame: VLAN tags are in the
 * bytes, and what is counted may be dropped. */
#include <linux/bpf.h>

typedef struct xdp_md context;

#include "count.h"

INLINE long load_bytes(context *ctx, void *to, u32 n, u32 room)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 i, j;

	if (xdp_load)
		return within(&n, room) ? bpf_xdp_load_bytes(ctx, 0, to, n) : -1;
	/* Before Linux 5.18 the linear part is all there is. Whole words, then bytes; room is a multiple of 8. */
	for (i = 0; i < room / 8; i++) {
		if (i * 8 + 8 > n || data + i * 8 + 8 > end)
			goto rest;
		((u64 *)to)[i] = ((u64 *)data)[i];
	}
	return 0;
rest:
	i *= 8;
	for (j = 0; j < 7; j++, i++) {
		if (i >= n || data + i + 1 > end)
			break;
		((u8 *)to)[i] = ((u8 *)data)[i];
	}
	return 0;
}

SEC("xdp")
int netmond_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct frame f = { .len = distance(end, data) };

	count(ctx, &f, data, end, f.len);
	return action;
}

/* The same for interfaces whose frames may lie in several buffers (Linux 5.18). */
SEC("xdp.frags")
int netmond_xdp_frags(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct frame f = { .len = bpf_xdp_get_buff_len(ctx) };

	count(ctx, &f, data, end, f.len);
	return action;
}

/* What any XDP program costs, for comparison. */
SEC("xdp")
int netmond_empty(struct xdp_md *ctx)
{
	return action;
}

char _license[] SEC("license") = "Dual BSD/GPL";
