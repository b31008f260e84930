/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The flow table: an index of cache lines over entries that user space maps. Entries are found and
 * published by the programs; user space alone takes them out of the index, waits until no program can
 * hold them, reads them a last time and puts their numbers back into the ring of free ones. So no count
 * is lost, and no lock is taken to find an entry. */
#pragma once

#include "types.h"

/* hash is a multilinear hash of the key (Lemire and Kaser, "Strongly universal string hashing is
 * fast", 2014) with secret multipliers, so that nobody can choose keys that meet, and a mixing step
 * that spreads its upper half over 64 bits. IPv4 keys have 4 words that are not constant. */
INLINE u64 hash(const struct key *k)
{
	u64 h = seed[0];

	h += seed[1] * (u32)(k->lo[1] >> 32) + seed[2] * (u32)(k->hi[1] >> 32);
	h += seed[3] * ((u32)k->lo_port | (u32)k->hi_port << 16);
	h += seed[4] * ((u32)k->vlan | (u32)k->proto << 16 | (u32)k->family << 24);
	if ((k->family & 0x0f) != 4) {
		h += seed[5] * (u32)k->lo[1] + seed[6] * (u32)k->hi[1];
		h += seed[7] * (u32)k->lo[0] + seed[8] * (u32)k->hi[0];
		h += seed[9] * (u32)(k->lo[0] >> 32) + seed[10] * (u32)(k->hi[0] >> 32);
	}
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

INLINE struct flow *get_flow(u32 n)
{
	return bpf_map_lookup_elem(&flows, &n);
}

INLINE int same(const struct key *a, const struct key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;
	return !((x[1] ^ y[1]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) | (x[0] ^ y[0]) | (x[2] ^ y[2]));
}

/* The buckets where a key may be: the step is odd, and another for each hash. */
INLINE u32 bucket_at(u64 h, u32 i)
{
	return ((u32)h + i * ((u32)(h >> 40) | 1)) & bucket_mask;
}

/* find gives the number of the entry of hash h, or -1. All buckets are looked at even where one has room, for
 * user space may have made it after the key went to a later one. */
INLINE s32 find(u64 h)
{
	u64 tag = h >> SLOT_SHIFT;
	u32 i, s;

	for (i = 0; i < BUCKETS_TRIED; i++) {
		u32 n = bucket_at(h, i);
		struct bucket *b = bpf_map_lookup_elem(&buckets, &n);
		if (!b)
			return -1;
#pragma unroll
		for (s = 0; s < BUCKET; s++) {
			u64 w = *(volatile u64 *)&b->slot[s];
			if (w >> SLOT_SHIFT == tag && w & SLOT_ENTRY)
				return (w & SLOT_ENTRY) - 1;
		}
	}
	return -1;
}

/* take gives a number from the ring of free ones, or -1. CPUs that come at the same time retry. */
INLINE s32 take(void *ring, u32 mask, u64 *head, u64 *tail)
{
	int i;

	for (i = 0; i < 8; i++) {
		u64 at = *(volatile u64 *)head;
		u32 slot = at & mask;
		u64 *n;
		s32 got;
		if (at == *(volatile u64 *)tail)
			return -1;
		n = bpf_map_lookup_elem(ring, &slot);
		if (!n)
			return -1;
		got = *(volatile u64 *)n;
		if (__sync_val_compare_and_swap(head, at, at + 1) == at)
			return got;
	}
	return -1;
}

/* publish puts entry n into the first free slot of its buckets. It gives n; or the number of another
 * entry for the same hash that another CPU published meanwhile; or -1 when there is no slot. */
INLINE s32 publish(u64 h, u32 n, struct flow *fl)
{
	u64 word = h >> SLOT_SHIFT << SLOT_SHIFT | (n + 1);
	u32 i, s;

	for (i = 0; i < BUCKETS_TRIED; i++) {
		u32 at = bucket_at(h, i);
		struct bucket *b = bpf_map_lookup_elem(&buckets, &at);
		if (!b)
			return -1;
		for (s = 0; s < BUCKET; s++) {
			u64 w = *(volatile u64 *)&b->slot[s];
			if (!w) {
				w = __sync_val_compare_and_swap(&b->slot[s], 0, word);
				if (!w) {
					/* Ordered after all that the entry holds. */
					__sync_lock_test_and_set(&fl->slot, at * BUCKET + s + 1);
					return n;
				}
			}
			if (w >> SLOT_SHIFT == h >> SLOT_SHIFT)
				return (w & SLOT_ENTRY) - 1;
		}
	}
	return -1;
}

/* create makes the entry of the flow that f begins and gives its number, or that of the entry that
 * another CPU has made meanwhile; -1 when there is none. */
GLOBAL s32 create(struct frame *f)
{
	struct control *ctl = get_control();
	struct cpu *cpu;
	struct flow *fl;
	s32 n, got;

	if (!f || !ctl)
		return -1;
	cpu = get_cpu(f->cpu);
	if (!cpu)
		return -1;
	if (cpu->spare) {
		n = cpu->spare - 1;
		cpu->spare = 0;
	} else {
		n = take(&free_flows, flow_ring_mask, &ctl->flow_head, &ctl->flow_tail);
		if (n < 0)
			return -1;
	}
	fl = get_flow(n);
	if (!fl)
		return -1;
	/* User space gives entries back zeroed. */
	fl->key = f->key;
	fl->route = f->route;
	fl->first = fl->last = f->time >> TIME_SHIFT;
	fl->bits = f->dir ? F_CLIENT_HI : 0;
	got = publish(f->hash, n, fl);
	if (got == n) {
		f->first = 1;
		return n;
	}
	cpu->spare = n + 1;
	if (got < 0)
		return -1;
	fl = get_flow(got);
	return fl && same(&fl->key, &f->key) ? got : -1;
}
