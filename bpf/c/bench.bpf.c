//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The program of xdp.bpf.c on frames whose source address it draws at random itself, for measurements
 * with many flows: a test run repeats one frame. */
#include <linux/bpf.h>

typedef struct xdp_md context;

#include "count.h"

const volatile u32 bench_flows;	  /* addresses to draw from */
const volatile u32 bench_ifindex; /* where bench_send sends */
u32 drawn;
u64 runs; /* of bench_load */

INLINE long load_bytes(context *ctx, void *to, u32 n, u32 room)
{
	return within(&n, room) ? bpf_xdp_load_bytes(ctx, 0, to, n) : -1;
}

INLINE int draw(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 34 > end)
		return 0;
	drawn = drawn * 1664525 + 1013904223;
	*(u32 *)(data + 26) = bpf_htonl(0x0b000000 + (u32)((u64)drawn * bench_flows >> 32));
	return 1;
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	return draw(ctx) ? XDP_DROP : XDP_ABORTED;
}

INLINE int draw_and_count(struct xdp_md *ctx)
{
	void *data, *end;
	struct frame f = {};

	draw(ctx);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	f.len = distance(end, data);
	count(ctx, &f, data, end, f.len);
	return XDP_DROP;
}

SEC("xdp")
int bench_count(struct xdp_md *ctx)
{
	return draw_and_count(ctx);
}

/* The same, and counts its runs: a signal ends a test run early. */
SEC("xdp")
int bench_load(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&runs, 1);
	return draw_and_count(ctx);
}

/* A generator: frames that a live test run makes go to an interface. */
SEC("xdp")
int bench_send(struct xdp_md *ctx)
{
	return draw(ctx) ? bpf_redirect(bench_ifindex, 0) : XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
