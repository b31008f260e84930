/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What the programs and user space share: layouts of map values, and the settings that are fixed at
 * load. layout_linux.go holds the same structures in Go; a test compares them by the object's BTF. */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;

#define INLINE static __always_inline
/* A global function is verified once, for any arguments, where an inline one is verified again for all
 * that its callers know. Its pointers may be null and cannot be returned. */
#define GLOBAL __attribute__((noinline))
#define RARE static __attribute__((noinline))
#define barrier() asm volatile("" ::: "memory")

/* packet.Key: addresses in network order, IPv4 as ::ffff:a.b.c.d; the rest in host order. */
struct key {
	u64 lo[2], hi[2];
	u16 lo_port, hi_port;
	u16 vlan;
	u8 proto, family;
};

struct counts {
	u64 packets, bytes;
};

/* One cell is what was sent from one network to another (or from or to outside), on one CPU. A packet
 * is added to exactly one, or to two where the pair of networks found no place. */
struct cell {
	u64 last, first; /* largest and smallest time, ns of the clock; first 0: none */
	struct counts l4[5]; /* enum l4 */
	struct counts broadcast; /* part of l4 */
	u64 ack_rtt, ack_samples; /* microseconds; of data in this cell's direction */
	u64 no_header; /* TCP packets without a readable header */
	u64 syn, synack;
	/* Of connections for which there was no trouble record: */
	u64 retransmissions, out_of_order, lost, keep_alives, zero_windows;
};

enum l4 { L4_TCP, L4_UDP, L4_SCTP, L4_ICMP, L4_OTHER };

/* Why a frame is handed to user space. */
enum reason {
	R_SHORT, /* ends, or leaves the linear part of its buffer, within a header */
	R_LINK,	 /* LLC and EtherTypes that only user space reads */
	R_TAGS,	 /* more tags or labels than the program follows */
	R_MPLS,	 /* neither IPv4 nor IPv6 below the labels */
	R_PPP,	 /* PPP other than plain IPv4 or IPv6 */
	R_IP,	 /* an IP header that contradicts itself */
	R_EXT,	 /* more IPv6 extension headers than the program follows */
	NUM_REASONS,
};

/* One CPU's counters beside the cells. */
struct cpu {
	u64 last, first; /* of the frames that are in no cell */
	struct counts non_ip;
	struct counts handed[8];  /* by enum reason: to user space, which counts them */
	struct counts refused[8]; /* the same, for which the ring had no room: counted here alone */
	struct counts map_full;	  /* packets that no flow entry was found for */
	struct counts unsampled;  /* packets of flows that are not to be tracked, unless none is */
	u64 fragments;
	u64 contended;	  /* TCP packets whose connection another CPU held: not followed */
	u64 trouble_full; /* events that found no trouble record: in their cell alone */
	u64 samples, samples_lost; /* payload for the detectors: sent, and without room in the ring */
	u64 jiffies, time; /* of the last look at the clock */
	u32 spare; /* 1 + a flow entry that was taken and not used */
	u32 pad;
};

/* A flow in both directions: two cache lines, of which only the first is touched by each packet.
 * Arrays are by direction along the key. */
struct flow {
	struct key key;
	u64 sent[2]; /* sum of 1 << SENT_SHIFT | bytes, modulo 2^64: differences are exact */
	u32 last;    /* time of the last packet, TIME_SHIFT */
	u32 route;   /* ROUTE_ bits, generation and cell of direction 0 */

	u32 first;
	u32 slot; /* 1 + its place in the index; 0 while the entry is not published */
	u16 bits; /* F_ */
	u8 flags[2];   /* TCP flags seen in the connection */
	u8 samples;    /* packets with payload that were offered to user space */
	u8 stop;       /* written by user space: no more samples */
	u16 reopens;   /* connections that followed the first between the same ports */
	u32 lock;      /* guards all below, bits, flags and reopens */
	u32 trouble;   /* 1 + its trouble record */
	u32 next[2];   /* highest sequence number seen, and one */
	u32 timed_end[2], timed_at[2]; /* segment that waits for its acknowledgement; microseconds */
	u16 mss[2];	 /* largest payload seen */
	u32 isn;
	u32 server_rtt, client_rtt; /* microseconds, 0 none */
};

#define SENT_SHIFT 37
#define TIME_SHIFT 20 /* ns to the unit of flow.last and first */

#define ROUTE_CELL 0x000fffff
#define ROUTE_BCAST_LO 0x00100000 /* Key.Lo is a broadcast address */
#define ROUTE_BCAST_HI 0x00200000
#define ROUTE_DONE 0x00400000	  /* no more samples of this flow */
#define ROUTE_OVERFLOW 0x00800000 /* the pair of networks has no cell: look up for each packet */
#define ROUTE_GEN_SHIFT 24

#define F_KNOWN 0x0001	   /* next[0]; << 1 next[1] */
#define F_TIMING 0x0004	   /* timed_end, timed_at */
#define F_TIMED_SYN 0x0010 /* what is timed is a SYN or SYN-ACK */
#define F_ISN 0x0040
#define F_CLIENT_HI 0x0080
#define F_CLOSED 0x0100
#define F_SETTLED 0x0200
#define F_GAP 0x0400 /* the trouble record has an open gap */

/* What is missing of a direction's sequence space. */
struct gap {
	u32 lo, hi, missing, at;
};

enum ill { RETRANSMISSION, OUT_OF_ORDER, LOST, KEEP_ALIVE, ZERO_WINDOW, NUM_ILLS };

/* What is wrong with a connection; few have one. */
struct trouble {
	struct gap gap[2];
	u32 counts[2][5]; /* enum ill */
	/* Handshakes of earlier connections of the same flow: server's side, client's. */
	u32 rtt_samples[2];
	u64 rtt_sum[2]; /* microseconds */
	u32 flow;	/* number of the flow entry */
	u32 pad;
};

#define BUCKET 8
#define BUCKETS_TRIED 3

/* A line of the index. A slot is TAG bits of the hash and 1 + the number of the flow entry. */
struct bucket {
	u64 slot[BUCKET];
};

#define SLOT_ENTRY 0x0000000000ffffff
#define SLOT_SHIFT 24

/* A step of the prefix table: 256 children by the next 8 bits of the address. A child is 0, 1 + a
 * network's number, or CHILD_NODE | another node. IPv6 nodes first compare the bits that all prefixes
 * below have in common, and give fallback where those differ. */
struct node {
	u32 child[256];
	u64 want[2], mask[2]; /* upper and lower half of the address, host order */
	u32 fallback;
	u32 shift; /* of the 8 bits in the 128 */
	u64 pad[3];
};

#define CHILD_NODE 0x80000000
#define ROOT_V4 0   /* 256 nodes, by the first 8 bits */
#define ROOT_V6 256 /* 256 nodes */
#define ROOTS 512
#define V6_STEPS 14 /* most nodes below a root: the other 112 bits */

/* Shared with user space while the programs run. */
struct control {
	/* Written by user space alone. */
	u32 table;    /* generation << 1 | half of nodes and broadcast that is in force */
	u32 max_samples; /* packets with payload offered of each flow */
	u64 track;    /* flows whose hash, upper 32 bits, is below this are tracked: 0 none, 2^32 all */
	u64 clock;    /* the time, with clock_given */
	u64 zero;     /* always: frame.zero */
	u64 pad[4];
	/* Numbers of free entries wait in rings: taken at head by the programs, put back at tail. */
	u64 flow_head, pad1[7];
	u64 flow_tail, pad2[7];
	u64 trouble_head, pad3[7];
	u64 trouble_tail, pad4[7];
};

#define KIND_UNCOUNTED 0 /* user space decodes and counts it */
#define KIND_SAMPLE 1	 /* counted already: for the detectors */

/* A frame in the ring buffer; its bytes follow. */
struct record {
	u64 time;
	u32 wire_len;
	u32 cap_len;
	u16 vlan_tpid, vlan_tci; /* a tag that the kernel took out; host order, TPID 0 none */
	u8 kind, reason;
	u8 client; /* direction of the client's packets, of a sample */
	u8 pad;
	u32 flow; /* number of the flow entry, of a sample */
	u32 pad2;
};

#define SMALL_RECORD 256
#define LARGE_RECORD 1600

/* Settings that Load writes before the verifier sees them, so that it takes them for constants. */
const volatile u32 action;	 /* what an XDP program returns for a frame */
const volatile u32 cells_per_cpu;
const volatile u32 networks_cap; /* networks that nodes, broadcast and cells have room for */
const volatile u32 nodes_cap;	 /* nodes of one half */
const volatile u32 bucket_mask;
const volatile u32 flow_ring_mask;
const volatile u32 trouble_ring_mask;
const volatile u32 pair_mask;
const volatile u8 key_vlan;	/* the outermost VLAN is part of the key */
const volatile u8 clock_given;	/* time is control.clock, not the kernel's */
const volatile u8 xdp_load;	/* bpf_xdp_load_bytes is there (Linux 5.18) */
const volatile u64 seed[11];	/* of the flow hash */

/* Arrays that user space maps; elements are multiples of 8 bytes. Sizes are set at load. */
#define SHARED_ARRAY(NAME, TYPE)                        \
	struct {                                        \
		__uint(type, BPF_MAP_TYPE_ARRAY);       \
		__uint(map_flags, BPF_F_MMAPABLE);      \
		__uint(max_entries, 1);                 \
		__type(key, u32);                       \
		__type(value, TYPE);                    \
	} NAME SEC(".maps")

SHARED_ARRAY(control, struct control);
SHARED_ARRAY(cpus, struct cpu);	       /* by CPU */
SHARED_ARRAY(cells, struct cell);      /* by CPU, then cell */
SHARED_ARRAY(pairs, u64);	       /* lower network << 32 | higher + 1, hashed; by number of the pair */
SHARED_ARRAY(nodes, struct node);      /* two halves */
SHARED_ARRAY(broadcasts, u64);	       /* two halves: a network's directed broadcast address, 0 none */
SHARED_ARRAY(buckets, struct bucket);
SHARED_ARRAY(flows, struct flow);
SHARED_ARRAY(troubles, struct trouble);
SHARED_ARRAY(free_flows, u64);
SHARED_ARRAY(free_troubles, u64);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} frames SEC(".maps");

/* A frame on its way through the program. */
struct frame {
	struct key key;
	u32 len;	/* wire bytes to count, a tag in metadata included */
	u32 payload;	/* octets of transport payload, by the IP length */
	u32 seq, ack;
	u16 window;
	u16 tpid, tci;	/* of a tag in metadata, TPID 0 none */
	u8 tcp_flags;
	u8 has_tcp;	/* a whole fixed TCP header was read */
	u8 fragment;
	u8 dir;
	u8 l4;
	u8 first;	/* it began its flow */
	u8 kind, reason, client; /* of its record */

	u64 time;	/* ns of the clock, up to one tick of the kernel (1 to 10 ms) old */
	u64 hash;	/* of key; 0 where the flow is not to be tracked */
	u32 route;
	u32 entry;	/* number of the flow entry */
	u32 cpu;
	u32 zero;	/* always, which the verifier does not know: hides values from it */
	/* Lower 32 bits of exact microseconds, valid with exact. They cost 20 ns and are asked for only
	 * where they matter. */
	u32 micros;
	u8 exact;
};

/* distance is to - from, in the 64 bits that the verifier wants for pointers. */
INLINE u32 distance(void *to, void *from)
{
	u64 d = (u64)to;
	asm volatile("%0 -= %1" : "+r"(d) : "r"(from));
	return d;
}

/* within holds n between 1 and most, in a way that the verifier of Linux 5.15 follows; false for 0. */
INLINE int within(u32 *n, u32 most)
{
	u64 less = *n - 1;
	asm volatile("" : "+r"(less)); /* or the compiler compares another register than the one it passes */
	if (less >= most)
		return 0;
	*n = less + 1;
	return 1;
}

INLINE struct control *get_control(void)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&control, &zero);
}

INLINE struct cpu *get_cpu(u32 n)
{
	return bpf_map_lookup_elem(&cpus, &n);
}

INLINE struct cell *get_cell(const struct frame *f, u32 n)
{
	u32 i = f->cpu * cells_per_cpu + n;
	return bpf_map_lookup_elem(&cells, &i);
}

/* now is the time in ns, as old as the kernel's last tick (1 to 10 ms). The clock itself costs 15 ns, the
 * number of ticks 1. */
INLINE u64 now(const struct control *ctl, struct cpu *cpu)
{
	u64 ticks;

	if (clock_given)
		return ctl->clock;
	ticks = bpf_jiffies64();
	if (cpu->jiffies != ticks) {
		cpu->jiffies = ticks;
		cpu->time = bpf_ktime_get_coarse_ns();
	}
	return cpu->time;
}

INLINE void add(struct counts *c, u32 len)
{
	c->packets++;
	c->bytes += len;
}

INLINE u32 micros(struct frame *f)
{
	if (!f->exact) {
		f->micros = (clock_given ? f->time : bpf_ktime_get_ns()) / 1000;
		f->exact = 1;
	}
	return f->micros;
}

INLINE void seen(u64 *first, u64 *last, u64 now)
{
	if (now > *last)
		*last = now;
	if (now < *first || !*first)
		*first = now;
}
