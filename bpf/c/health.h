/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* TCP health: the state machine of flows/tcp.go, health.go and rtt.go, whose comments say what each
 * step means. Names are the same. A change there is a change here; the corpus holds the two together. */
#pragma once

#include "types.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define DEFAULT_REORDER 3000 /* microseconds */
#define MAX_REORDER 1000000
#define MAX_LOST_PER_GAP 65535
#define DEFAULT_MSS 536
#define MAX_JUMP (1 << 30)
#define REORDERED_SYN 65536
#define MAX_RTT 10000000

struct conn {
	struct flow *fl;
	struct cell *cell; /* of the packet in hand */
	struct frame *f;
};

/* new_trouble gives 1 + the number of a free trouble record, 0 for none. */
GLOBAL u32 new_trouble(u32 on_cpu)
{
	struct control *ctl = get_control();
	struct cpu *cpu;
	s32 got;

	if (!ctl)
		return 0;
	got = take(&free_troubles, trouble_ring_mask, &ctl->trouble_head, &ctl->trouble_tail);
	if (got >= 0)
		return got + 1;
	cpu = get_cpu(on_cpu);
	if (cpu)
		cpu->trouble_full++;
	return 0;
}

/* record is the flow's trouble record, made if need be; 0 when there is no room. */
INLINE struct trouble *record(struct conn *c)
{
	u32 n = c->fl->trouble;

	if (!n) {
		n = new_trouble(c->f->cpu);
		c->fl->trouble = n;
	}
	n--;
	return bpf_map_lookup_elem(&troubles, &n); /* 0 - 1 is beyond any */
}

INLINE u32 reorder(const struct flow *fl)
{
	u32 sum = fl->server_rtt + fl->client_rtt;
	if (!fl->server_rtt || !fl->client_rtt)
		return DEFAULT_REORDER;
	return sum < MAX_REORDER ? sum : MAX_REORDER;
}

/* lost_packets estimates how many packets of a direction held n octets, n > 0. */
INLINE u32 lost_packets(const struct flow *fl, u8 dir, u32 n)
{
	u32 size = fl->mss[dir & 1];
	if (!size)
		size = DEFAULT_MSS;
	n = (n - 1) / size + 1;
	return n < MAX_LOST_PER_GAP ? n : MAX_LOST_PER_GAP;
}

INLINE void settle(struct conn *c, u8 dir, int always)
{
	struct flow *fl = c->fl;
	struct trouble *t;
	struct gap *g;
	u32 age;

	if (!(fl->bits & (F_GAP << dir)))
		return;
	t = record(c);
	if (!t)
		return;
	g = &t->gap[dir & 1];
	age = micros(c->f) - g->at;
	if (!always && !(age > reorder(fl) && age < 0x7fffffff))
		return;
	t->counts[dir & 1][LOST] += lost_packets(fl, dir, g->missing);
	g->missing = 0;
	fl->bits &= ~(F_GAP << dir);
}

INLINE void open_gap(struct conn *c, u8 dir, u32 seq)
{
	struct flow *fl = c->fl;
	u32 next = fl->next[dir & 1];
	struct trouble *t = record(c);
	struct gap *g;

	if (!t) {
		c->cell->lost += lost_packets(fl, dir, seq - next);
		return;
	}
	g = &t->gap[dir & 1];
	if (!(fl->bits & (F_GAP << dir))) {
		g->lo = next;
		g->hi = seq;
		g->missing = seq - next;
		g->at = micros(c->f);
		fl->bits |= F_GAP << dir;
		return;
	}
	g->missing += seq - next;
	g->hi = seq;
}

/* fill takes [begin, end) out of the open gap of dir and reports whether any may have been missing. */
INLINE int fill(struct conn *c, u8 dir, u32 begin, u32 end)
{
	struct trouble *t = record(c);
	struct gap *g;
	s32 n;

	if (!t)
		return 0;
	g = &t->gap[dir & 1];
	if ((s32)(begin - g->lo) < 0)
		begin = g->lo;
	if ((s32)(end - g->hi) > 0)
		end = g->hi;
	n = end - begin;
	if (n <= 0)
		return 0;
	g->missing -= g->missing < (u32)n ? g->missing : (u32)n;
	if (begin == g->lo)
		g->lo = end;
	else if (end == g->hi)
		g->hi = begin;
	if (g->lo == g->hi)
		g->missing = 0;
	if (!g->missing)
		c->fl->bits &= ~(F_GAP << dir);
	return 1;
}

INLINE void ill(struct conn *c, enum ill what)
{
	struct trouble *t = record(c);
	struct cell *cell = c->cell;

	if (t) {
		t->counts[c->f->dir & 1][what]++;
		return;
	}
	switch (what) {
	case RETRANSMISSION:
		cell->retransmissions++;
		break;
	case OUT_OF_ORDER:
		cell->out_of_order++;
		break;
	case KEEP_ALIVE:
		cell->keep_alives++;
		break;
	case ZERO_WINDOW:
		cell->zero_windows++;
		break;
	default:
		break;
	}
}

INLINE int near(const struct flow *fl, u8 dir, u32 seq)
{
	return fl->bits & (F_KNOWN << dir) && fl->next[dir & 1] - (seq + 1) < REORDERED_SYN;
}

INLINE u8 client_of(const struct flow *fl)
{
	return fl->bits & F_CLIENT_HI ? 1 : 0;
}

INLINE void set_client(struct flow *fl, u8 dir)
{
	fl->bits = dir ? fl->bits | F_CLIENT_HI : fl->bits & ~F_CLIENT_HI;
}

/* reopen begins the next connection of the flow. */
INLINE void reopen(struct conn *c)
{
	struct flow *fl = c->fl;

	settle(c, 0, 1);
	settle(c, 1, 1);
	if (fl->server_rtt | fl->client_rtt) {
		struct trouble *t = record(c);
		if (t && fl->server_rtt) {
			t->rtt_samples[0]++;
			t->rtt_sum[0] += fl->server_rtt;
		}
		if (t && fl->client_rtt) {
			t->rtt_samples[1]++;
			t->rtt_sum[1] += fl->client_rtt;
		}
	}
	fl->bits &= F_CLIENT_HI;
	fl->flags[0] = fl->flags[1] = 0;
	fl->next[0] = fl->next[1] = 0;
	fl->timed_end[0] = fl->timed_end[1] = 0;
	fl->timed_at[0] = fl->timed_at[1] = 0;
	fl->mss[0] = fl->mss[1] = 0;
	fl->isn = fl->server_rtt = fl->client_rtt = 0;
	fl->reopens++;
	if (!fl->stop) {
		fl->samples = 0;
		fl->route &= ~ROUTE_DONE;
	}
}

INLINE int opens_anew(const struct flow *fl, const struct frame *f)
{
	u8 dir = f->dir & 1;

	if (!(fl->bits & F_ISN))
		return fl->bits & (F_KNOWN | F_KNOWN << 1) && !near(fl, dir, f->seq);
	if (dir == client_of(fl))
		return f->seq != fl->isn;
	if (fl->bits & (F_CLOSED | F_SETTLED))
		return !near(fl, dir, f->seq);
	return 0;
}

INLINE void handshake(struct conn *c)
{
	struct flow *fl = c->fl;
	struct frame *f = c->f;
	u8 dir = f->dir & 1;

	if (f->tcp_flags & TCP_ACK) {
		if (!f->first && fl->bits & F_CLOSED && !near(fl, dir, f->seq))
			reopen(c);
		if (!(fl->bits & F_ISN)) {
			set_client(fl, dir ^ 1);
			fl->isn = f->ack - 1;
			fl->bits |= F_ISN;
		}
		return;
	}
	if (!f->first && opens_anew(fl, f))
		reopen(c);
	if (!(fl->bits & F_ISN)) {
		set_client(fl, dir);
		fl->isn = f->seq;
		fl->bits |= F_ISN;
	}
}

/* start_timing is time() of rtt.go. */
INLINE void start_timing(struct conn *c, u8 dir, u32 end)
{
	struct flow *fl = c->fl;
	struct frame *f = c->f;
	u8 syn = f->tcp_flags & TCP_SYN;

	if (!syn && !f->payload)
		return;
	if (syn && !(f->tcp_flags & TCP_ACK) && fl->flags[dir ^ 1] & TCP_SYN)
		return;
	if (fl->bits & (F_TIMING << dir) && micros(c->f) - fl->timed_at[dir & 1] <= MAX_RTT)
		return;
	fl->timed_end[dir & 1] = end;
	fl->timed_at[dir & 1] = micros(c->f);
	fl->bits |= F_TIMING << dir;
	fl->bits &= ~(F_TIMED_SYN << dir);
	if (syn)
		fl->bits |= F_TIMED_SYN << dir;
}

/* acknowledge gives the sample of data sent in direction dir, plus 1; 0 for none. */
INLINE u32 acknowledge(struct conn *c, u8 dir)
{
	struct flow *fl = c->fl;
	u32 sample;

	if (!(fl->bits & (F_TIMING << dir)))
		return 0;
	if (c->f->ack - fl->timed_end[dir & 1] >= MAX_JUMP)
		return 0;
	fl->bits &= ~(F_TIMING << dir);
	sample = micros(c->f) - fl->timed_at[dir & 1];
	if (sample > MAX_RTT)
		return 0;
	if (!(fl->bits & (F_TIMED_SYN << dir)))
		return sample + 1;
	if (dir != client_of(fl))
		fl->client_rtt = sample ? sample : 1;
	else
		fl->server_rtt = sample ? sample : 1;
	return 0;
}

INLINE void sequence(struct conn *c, u8 dir)
{
	struct flow *fl = c->fl;
	struct frame *f = c->f;
	u32 n = f->payload, end, next;
	s32 ahead;

	if (f->tcp_flags & TCP_SYN)
		n++;
	if (f->tcp_flags & TCP_FIN)
		n++;
	end = f->seq + n;
	settle(c, dir, 0);
	if (f->payload > fl->mss[dir & 1])
		fl->mss[dir & 1] = f->payload < 65535 ? f->payload : 65535;
	if (!(fl->bits & (F_KNOWN << dir))) {
		if (n) {
			fl->next[dir & 1] = end;
			fl->bits |= F_KNOWN << dir;
			start_timing(c, dir, end);
		}
		return;
	}
	next = fl->next[dir & 1];
	ahead = f->seq - next;
	if (ahead == 0) {
		if (n) {
			fl->next[dir & 1] = end;
			start_timing(c, dir, end);
		}
	} else if (ahead > 0) {
		if (ahead < MAX_JUMP && !(f->tcp_flags & TCP_SYN))
			open_gap(c, dir, f->seq);
		fl->next[dir & 1] = end;
		fl->bits &= ~(F_TIMING << dir);
	} else if (ahead <= -MAX_JUMP) {
		if (n) {
			fl->next[dir & 1] = end;
			fl->bits &= ~(F_TIMING << dir);
		}
	} else if (ahead == -1 && f->payload <= 1 && n == f->payload && !(fl->flags[dir & 1] & TCP_FIN)) {
		ill(c, KEEP_ALIVE);
	} else if (n) {
		if (f->seq + 1 == next && f->payload > 1) {
			/* After a window probe. */
		} else if (f->tcp_flags & TCP_SYN && !(fl->flags[dir & 1] & TCP_SYN)) {
			/* The SYN came late. */
		} else if (fl->bits & (F_GAP << dir) && fill(c, dir, f->seq, end)) {
			ill(c, OUT_OF_ORDER);
		} else {
			ill(c, RETRANSMISSION);
			fl->bits &= ~(F_TIMING << dir);
		}
		if ((s32)(end - fl->next[dir & 1]) > 0)
			fl->next[dir & 1] = end;
	}
}

/* follow takes the TCP packet in hand, whose header was read, cell being its cell. It gives a sample of
 * the round trip of the other direction's data, plus 1; 0 for none. */
GLOBAL u32 follow(struct flow *fl, struct frame *f, struct cell *cell)
{
	struct conn conn = { .fl = fl, .cell = cell, .f = f }, *c = &conn;
	u32 sample = 0;
	u8 dir, flags;

	if (!fl || !f || !cell)
		return 0;
	dir = f->dir & 1;
	flags = f->tcp_flags;
	if ((flags & (TCP_SYN | TCP_RST)) == TCP_SYN)
		handshake(c);
	else if (!f->first && !(flags & TCP_RST))
		fl->bits |= F_SETTLED;
	if (flags & TCP_RST) {
		fl->bits |= F_CLOSED;
		fl->bits &= ~(F_TIMING | F_TIMING << 1);
		fl->flags[dir] |= flags;
		return 0;
	}
	if (flags & TCP_ACK)
		sample = acknowledge(c, dir ^ 1);
	sequence(c, dir);
	fl->flags[dir] |= flags;
	if (fl->flags[0] & fl->flags[1] & TCP_FIN)
		fl->bits |= F_CLOSED;
	if (!(flags & (TCP_SYN | TCP_FIN)) && !f->window)
		ill(c, ZERO_WINDOW);
	return sample;
}

/* A connection is held by one CPU at a time. Programs run with bottom halves off, so the holder is
 * another CPU and lets go within about 100 ns. */
#define LOCK_TRIES 256

INLINE int lock(struct flow *fl)
{
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (!__sync_lock_test_and_set(&fl->lock, 1))
			return 1;
	}
	return 0;
}

INLINE void unlock(struct flow *fl)
{
#if defined(__TARGET_ARCH_x86)
	/* Stores are not reordered with older ones. */
	barrier();
	*(volatile u32 *)&fl->lock = 0;
#else
	__sync_lock_test_and_set(&fl->lock, 0);
#endif
}
