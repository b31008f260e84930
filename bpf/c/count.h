/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The life of a frame in the kernel: parse, networks, flow, health. */
#pragma once

#include "types.h"
#include "parse.h"
#include "networks.h"
#include "flows.h"
#include "health.h"
#include "overflow.h"

/* tally adds f to a cell. */
INLINE void tally(struct cell *c, const struct frame *f, int broadcast)
{
	u32 l4 = f->l4 & 7;

	seen(&c->first, &c->last, f->time);
	add(&c->l4[l4], f->len);
	if (l4 == L4_TCP) {
		if (!f->has_tcp) {
			c->no_header++;
		} else if (f->tcp_flags & TCP_SYN && !(f->tcp_flags & TCP_RST)) {
			if (f->tcp_flags & TCP_ACK)
				c->synack++;
			else
				c->syn++;
		}
	}
	if (broadcast)
		add(&c->broadcast, f->len);
}

/* count_networks adds f to its cell, which it gives; or to two, giving the sender's. */
INLINE struct cell *count_networks(const struct frame *f, u32 half)
{
	u32 route = f->route;
	int broadcast = route & (f->dir ? ROUTE_BCAST_LO : ROUTE_BCAST_HI);
	struct cell *c;

	if (route & ROUTE_OVERFLOW) {
		u64 both = overflow(f, half);
		if (!both)
			return 0; /* the networks have changed: a new generation tells */
		c = get_cell(f, (u32)both);
		if (c)
			tally(c, f, broadcast);
		c = get_cell(f, both >> 32);
	} else {
		c = get_cell(f, (route & ROUTE_CELL) ^ f->dir);
	}
	if (c)
		tally(c, f, broadcast);
	return c;
}

/* zero_window counts what needs no state, of a packet without a flow. */
INLINE void zero_window(struct cell *c, const struct frame *f)
{
	if (c && f->has_tcp && !f->window && !(f->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		c->zero_windows++;
}

INLINE void untracked(struct cpu *cpu, const struct frame *f, struct cell *c, u32 full, u32 sampling)
{
	if (full)
		add(&cpu->map_full, f->len);
	else if (sampling)
		add(&cpu->unsampled, f->len);
	zero_window(c, f);
}

/* connection follows the TCP connection of fl with f. */
INLINE void connection(struct cpu *cpu, struct flow *fl, struct frame *f, struct cell *cell)
{
	u32 sample;

	if (!lock(fl)) {
		cpu->contended++;
		return;
	}
	sample = follow(fl, f, cell);
	unlock(fl);
	if (sample && !(f->route & ROUTE_OVERFLOW)) {
		cell = get_cell(f, (f->route & ROUTE_CELL) ^ f->dir ^ 1);
		if (cell) {
			cell->ack_rtt += sample - 1;
			cell->ack_samples++;
		}
	}
}

/* sample shows user space a packet with payload, for as long as it wants some of the flow. */
INLINE void sample(context *ctx, struct cpu *cpu, const struct control *ctl, struct flow *fl, struct frame *f, u32 size)
{
	if (fl->stop || fl->samples >= ctl->max_samples) {
		fl->route |= ROUTE_DONE;
		return;
	}
	fl->samples++;
	f->kind = KIND_SAMPLE;
	f->client = client_of(fl);
	if (offer(ctx, f, size))
		cpu->samples++;
	else
		cpu->samples_lost++;
}

/* find_flow looks for f's flow and sets hash. */
INLINE struct flow *find_flow(const struct control *ctl, struct frame *f)
{
	struct flow *fl;
	s32 n;

	if (!ctl->track)
		return 0;
	f->hash = hash(&f->key);
	if (f->hash >> 32 >= ctl->track) {
		f->hash = 0;
		return 0;
	}
	if (!f->hash)
		f->hash = 1;
	n = find(f->hash);
	if (n < 0)
		return 0;
	fl = get_flow(n);
	f->entry = n;
	if (fl && !same(&fl->key, &f->key)) /* another key with the same tag */
		return 0;
	return fl;
}

/* count is the whole of a frame of size bytes, of which the linear part lies from data to end. f holds
 * its wire length and the tag in metadata. */
INLINE void count(context *ctx, struct frame *f, void *data, void *end, u32 size)
{
	struct control *ctl = get_control();
	struct flow *fl;
	struct cell *cell;
	struct cpu *cpu;
	u32 table;
	int got;

	f->cpu = bpf_get_smp_processor_id();
	cpu = get_cpu(f->cpu);
	if (!ctl || !cpu)
		return;
	f->time = now(ctl, cpu);
	got = parse(ctx, f, data, end, size);
	if (got != P_IP) {
		if (got != P_NON_IP) {
			hand_up(ctx, cpu, f, size, got);
			return;
		}
		add(&cpu->non_ip, f->len);
		seen(&cpu->first, &cpu->last, f->time);
		return;
	}
	/* The verifier would follow each combination of these to the end. */
	f->zero = ctl->zero;
	f->dir = (f->dir | f->zero) & 1;
	f->l4 = (f->l4 | f->zero) & 7;
	f->has_tcp |= f->zero;
	f->tcp_flags |= f->zero;
	f->window |= f->zero;
	f->payload |= f->zero;
	f->fragment |= f->zero;
	f->key.family |= f->zero;
	if (f->fragment)
		cpu->fragments++;
	table = *(volatile u32 *)&ctl->table;
	fl = find_flow(ctl, f);
	if (fl)
		f->route = fl->route;
	if (!fl || f->route >> ROUTE_GEN_SHIFT != (table >> 1 & 0xff)) {
		f->route = resolve(f, table) | (f->route & ROUTE_DONE) | table >> 1 << ROUTE_GEN_SHIFT;
		if (fl)
			fl->route = f->route;
	}
	/* Networks before flows: user space reads them the other way round, so that what it sees in
	 * flows is in networks too. */
	cell = count_networks(f, table);

	if (!fl) {
		s32 n = -1;
		if (f->hash)
			n = create(f);
		if (n >= 0)
			fl = get_flow(n);
		if (!fl) {
			untracked(cpu, f, cell, f->hash != 0, ctl->track != 0);
			return;
		}
		f->entry = n;
	}
	__sync_fetch_and_add(&fl->sent[f->dir & 1], (1ULL << SENT_SHIFT) + f->len);
	if (!f->first) {
		u32 last = f->time >> TIME_SHIFT;
		if ((s32)(last - fl->last) > 0)
			fl->last = last;
	}
	if (f->has_tcp && cell)
		connection(cpu, fl, f, cell);
	if (!(f->route & ROUTE_DONE) && f->payload && (f->l4 == L4_TCP || f->l4 == L4_UDP))
		sample(ctx, cpu, ctl, fl, f, size);
}
