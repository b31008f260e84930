/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From addresses to networks and to the cell that a packet is counted in. */
#pragma once

#include "types.h"

/* Cells of one CPU, in pairs: the other direction of cell n is n ^ 1.
 *
 *   0, 1          neither end is local, IPv4
 *   2, 3          the same, IPv6
 *   4 + 6 * n     from network n to outside, and back
 *   4 + 6 * n + 2 within network n, twice the same
 *   4 + 6 * n + 4 from network n to another network without a pair of its own, and back
 *   then          from network a to network b, a < b, and back; by number of the pair
 */
#define CELL_TRANSIT_V4 0
#define CELL_TRANSIT_V6 2
#define CELL_NETWORKS 4
#define CELLS_PER_NETWORK 6
#define CELL_OUTSIDE 0
#define CELL_INNER 2
#define CELL_CROSS 4
#define PAIR_PROBES 16

INLINE struct node *get_node(u32 half, u32 n)
{
	u32 i = half * nodes_cap + n;
	return bpf_map_lookup_elem(&nodes, &i);
}

/* lookup_v4 gives 1 + the network of an address in host order, 0 for none. */
INLINE u32 lookup_v4(u32 half, u32 addr)
{
	struct node *n = get_node(half, ROOT_V4 + (addr >> 24));
	u32 child;

	if (!n)
		return 0;
	child = n->child[addr >> 16 & 0xff];
	if (!(child & CHILD_NODE))
		return child;
	n = get_node(half, child & ~CHILD_NODE);
	if (!n)
		return 0;
	child = n->child[addr >> 8 & 0xff];
	if (!(child & CHILD_NODE))
		return child;
	n = get_node(half, child & ~CHILD_NODE);
	if (!n)
		return 0;
	return n->child[addr & 0xff];
}

/* lookup_v6 is lookup_v4 for an address in halves, host order. */
GLOBAL u32 lookup_v6(u32 half, u64 hi, u64 lo)
{
	struct node *n;
	u32 child;
	int i;

	half &= 1;
	n = get_node(half, ROOT_V6 + (u32)(hi >> 56));
	if (!n)
		return 0;
	child = n->child[hi >> 48 & 0xff];
	for (i = 0; i < V6_STEPS && child & CHILD_NODE; i++) {
		n = get_node(half, child & ~CHILD_NODE);
		if (!n)
			return 0;
		if (((hi ^ n->want[0]) & n->mask[0]) | ((lo ^ n->want[1]) & n->mask[1]))
			return n->fallback;
		child = n->child[n->shift >= 64 ? hi >> (n->shift - 64 & 63) & 0xff : lo >> (n->shift & 63) & 0xff];
	}
	return child & CHILD_NODE ? 0 : child;
}

/* is_broadcast reports whether addr, in network net (1 + number, 0 none), is the limited broadcast
 * address or the network's directed one. */
INLINE int is_broadcast(u32 half, u32 addr, u32 net)
{
	u32 i;
	u64 *b;

	if ((addr & 3) != 3) /* no network has its broadcast address there: they have 2 host bits at least */
		return 0;
	if (addr == 0xffffffff)
		return 1;
	if (!net)
		return 0;
	i = half * networks_cap + net - 1;
	b = bpf_map_lookup_elem(&broadcasts, &i);
	return b && *b == addr;
}

/* pair gives 1 + the number of the pair of networks a < b, made if need be, 0 when there is no room. */
GLOBAL u32 pair(u32 a, u32 b)
{
	u64 want = (u64)a << 32 | (b + 1);
	u32 i, h = (a * 0x9e3779b1 ^ b * 0x85ebca6b);
	int n;

	h ^= h >> 15;
	for (n = 0; n < PAIR_PROBES; n++) {
		u64 *slot, old;
		i = (h + n) & pair_mask;
		slot = bpf_map_lookup_elem(&pairs, &i);
		if (!slot)
			return 0;
		old = *(volatile u64 *)slot;
		if (!old)
			old = __sync_val_compare_and_swap(slot, 0, want);
		if (!old || old == want)
			return i + 1;
	}
	return 0;
}

/* The networks of a frame's ends, 1 + number, 0 none. */
struct ends {
	u32 lo, hi;
	u32 broadcast; /* ROUTE_BCAST_ bits */
	u32 transit;   /* the cell where neither is local */
};

INLINE void find_ends(const struct frame *f, u32 half, struct ends *e)
{
	e->broadcast = 0;
	if ((f->key.family & 0x0f) == FAMILY_IPV4) {
		u32 lo = bpf_ntohl(f->key.lo[1] >> 32), hi = bpf_ntohl(f->key.hi[1] >> 32);
		e->lo = lookup_v4(half, lo);
		e->hi = lookup_v4(half, hi);
		if (is_broadcast(half, lo, e->lo))
			e->broadcast |= ROUTE_BCAST_LO;
		if (is_broadcast(half, hi, e->hi))
			e->broadcast |= ROUTE_BCAST_HI;
		e->transit = CELL_TRANSIT_V4;
	} else {
		e->lo = lookup_v6(half, bpf_be64_to_cpu(f->key.lo[0]), bpf_be64_to_cpu(f->key.lo[1]));
		e->hi = lookup_v6(half, bpf_be64_to_cpu(f->key.hi[0]), bpf_be64_to_cpu(f->key.hi[1]));
		e->transit = CELL_TRANSIT_V6;
	}
	e->lo |= f->zero;
	e->hi |= f->zero;
	e->broadcast |= f->zero;
	e->transit |= f->zero;
}

INLINE u32 network_cell(u32 net, u32 kind) { return CELL_NETWORKS + (net - 1) * CELLS_PER_NETWORK + kind; }

/* resolve gives the route of f's flow, without generation. Inline: as a function it takes 12 ns more. */
INLINE u32 resolve(const struct frame *f, u32 half)
{
	struct ends e;
	u32 cell, p, swap;

	half &= 1;
	find_ends(f, half, &e);
	if (e.lo == e.hi) {
		cell = e.lo ? network_cell(e.lo, CELL_INNER) : e.transit;
	} else if (!e.hi) {
		cell = network_cell(e.lo, CELL_OUTSIDE);
	} else if (!e.lo) {
		cell = network_cell(e.hi, CELL_OUTSIDE) + 1;
	} else {
		swap = e.lo > e.hi;
		p = swap ? pair(e.hi - 1, e.lo - 1) : pair(e.lo - 1, e.hi - 1);
		if (!p)
			return e.broadcast | ROUTE_OVERFLOW;
		cell = CELL_NETWORKS + networks_cap * CELLS_PER_NETWORK + 2 * (p - 1) + swap;
	}
	return e.broadcast | (cell & ROUTE_CELL);
}

/* overflow gives the two cells of a frame between two networks that have no cell of their own: the
 * sender's in the upper half, the receiver's in the lower. */
GLOBAL u64 overflow(const struct frame *f, u32 half)
{
	struct ends e;
	u32 from, to;

	if (!f)
		return 0;
	find_ends(f, half & 1, &e);
	if (!e.lo || !e.hi)
		return 0;
	from = f->dir ? e.hi : e.lo;
	to = f->dir ? e.lo : e.hi;
	return (u64)network_cell(from, CELL_CROSS) << 32 | (network_cell(to, CELL_CROSS) + 1);
}
