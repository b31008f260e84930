/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* From the bytes of an Ethernet frame to its key, as packet.Decode does: package packet says why each
 * rule is as it is. What is not read here is handed to user space, which reads everything. */
#pragma once

#include "types.h"

/* What parse gives beside the reasons. */
#define P_IP (-1)     /* the frame's key is set */
#define P_NON_IP (-2) /* no IP header follows */

#define ETH_IPV4 0x0800
#define ETH_VLAN 0x8100
#define ETH_IPV6 0x86dd
#define ETH_PPP 0x880b
#define ETH_MPLS 0x8847
#define ETH_MPLS_MULTI 0x8848
#define ETH_PPPOE 0x8864
#define ETH_QINQ 0x88a8
#define ETH_MACSEC 0x88e5
#define MAX_ETH_LENGTH 1500

#define MAX_TAGS 4	 /* VLAN tags in the frame's bytes */
#define MAX_LABELS 6	 /* of MPLS */
#define MAX_EXTENSIONS 8 /* of IPv6 */

#define PROTO_HOPOPT 0
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_DCCP 33
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_ICMPV6 58
#define PROTO_DSTOPTS 60
#define PROTO_SCTP 132
#define PROTO_UDPLITE 136

#define FAMILY_IPV4 4
#define FAMILY_IPV6 6
#define PORTLESS 0x80

struct ipv4 {
	u8 version_len, tos;
	u16 total;
	u16 id, frag;
	u8 ttl, proto;
	u16 check;
	u32 src, dst;
};

struct ipv6 {
	u32 version;
	u16 payload;
	u8 next, hops;
	u32 src[4], dst[4];
};

struct tcp {
	u16 src, dst;
	u32 seq, ack;
	u8 offset, flags;
	u16 window, check, urgent;
};

INLINE u8 class_of(u8 proto)
{
	switch (proto) {
	case PROTO_TCP:
		return L4_TCP;
	case PROTO_UDP:
		return L4_UDP;
	case PROTO_SCTP:
		return L4_SCTP;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return L4_ICMP;
	}
	return L4_OTHER;
}

/* transport reads the ports, and the TCP header, of the size bytes at p. ports is 0 where there are
 * none, else source << 16 | destination with ok set. False: the bytes lie outside the linear part. */
INLINE int transport(struct frame *f, u8 proto, void *p, void *end, s32 size, u32 *ports, u8 *ok)
{
	u32 header;

	switch (proto) {
	case PROTO_TCP:
		if (size >= 20) {
			struct tcp *t = p;
			if ((void *)(t + 1) > end)
				return 0;
			f->has_tcp = 1;
			f->tcp_flags = t->flags;
			f->seq = bpf_ntohl(t->seq);
			f->ack = bpf_ntohl(t->ack);
			f->window = bpf_ntohs(t->window);
			header = (t->offset >> 4) * 4;
			if (header < 20)
				header = 20;
			if (size > (s32)header)
				f->payload = size - header;
			*ports = (u32)bpf_ntohs(t->src) << 16 | bpf_ntohs(t->dst);
			*ok = 1;
			return 1;
		}
		header = 20;
		break;
	case PROTO_UDP:
	case PROTO_UDPLITE:
		header = 8;
		break;
	case PROTO_SCTP:
	case PROTO_DCCP: /* its payload is of no interest */
		header = 12;
		break;
	default:
		return 1;
	}
	if (size < 4)
		return 1;
	if (p + 4 > end)
		return 0;
	*ports = bpf_ntohl(*(u32 *)p);
	*ok = 1;
	if (size > (s32)header)
		f->payload = size - header;
	return 1;
}

INLINE int parse_ipv4(struct frame *f, void *p, void *end, s32 rest)
{
	struct ipv4 *ip = p;
	u32 ports = 0, src, dst;
	u16 frag;
	s32 header, total;
	u8 ok = 0;

	if ((void *)(ip + 1) > end)
		return R_SHORT;
	header = (ip->version_len & 0x0f) * 4;
	if (ip->version_len >> 4 != 4 || header < 20 || header > rest)
		return R_IP;
	total = bpf_ntohs(ip->total);
	if (total < header || total > rest)
		total = rest;
	frag = bpf_ntohs(ip->frag);
	f->fragment = (frag & 0x3fff) != 0;
	f->l4 = class_of(ip->proto);
	if (!(frag & 0x1fff) && total > header &&
	    !transport(f, ip->proto, p + header, end, total - header, &ports, &ok))
		return R_SHORT;

	f->key.proto = ip->proto;
	f->key.family = ok ? FAMILY_IPV4 : FAMILY_IPV4 | PORTLESS;
	src = bpf_ntohl(ip->src);
	dst = bpf_ntohl(ip->dst);
	f->dir = src > dst || (src == dst && ports >> 16 > (ports & 0xffff));
	if (f->dir) {
		u32 swap = src;
		src = dst;
		dst = swap;
		ports = ports >> 16 | ports << 16;
	}
	f->key.lo[0] = f->key.hi[0] = 0;
	f->key.lo[1] = (u64)bpf_htonl(src) << 32 | 0xffff0000;
	f->key.hi[1] = (u64)bpf_htonl(dst) << 32 | 0xffff0000;
	f->key.lo_port = ports >> 16;
	f->key.hi_port = ports;
	return P_IP;
}

/* A chain of IPv6 extension headers: where the next one begins, and what it is. */
struct extensions {
	u32 off;  /* from the frame's beginning */
	s32 size; /* octets of the packet from there; may be below 0 */
	u8 proto, opaque, fragment;
	u8 pad; /* the verifier of Linux 5.15 wants all bytes of an argument written */
};

/* skip_extensions goes to the chain's end. It gives P_IP, or the reason to hand the frame up. */
GLOBAL int skip_extensions(context *ctx, struct extensions *x)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 off, n;
	int i;

	if (!x)
		return R_EXT;
	off = x->off & 0x7fff;
	for (i = 0; i < MAX_EXTENSIONS; i++) {
		u8 *b = data + off, proto = x->proto;
		if (proto == PROTO_HOPOPT || proto == PROTO_ROUTING || proto == PROTO_DSTOPTS) {
			if (x->size < 2) {
				x->opaque = 1;
				break;
			}
			if ((void *)b + 2 > end)
				return R_SHORT;
			n = (u32)b[1] * 8 + 8;
		} else if (proto == PROTO_FRAGMENT) {
			u16 field;
			if (x->size < 8) {
				x->opaque = 1;
				break;
			}
			if ((void *)b + 8 > end)
				return R_SHORT;
			n = 8;
			field = bpf_ntohs(*(u16 *)(b + 2));
			if (field & 0xfff9) /* more fragments, or an offset */
				x->fragment = 1;
			if (field & 0xfff8)
				x->opaque = 1;
		} else {
			break;
		}
		x->proto = b[0];
		x->size -= n;
		off = (off + n) & 0x7fff;
		if (x->opaque)
			break;
	}
	if (i == MAX_EXTENSIONS)
		return R_EXT;
	x->off = off;
	return P_IP;
}

INLINE int parse_ipv6(context *ctx, struct frame *f, void *data, void *p, void *end, s32 rest)
{
	struct ipv6 *ip = p;
	u64 src[2], dst[2];
	u32 ports = 0;
	s32 size;
	u8 ok = 0, proto, opaque = 0;

	if ((void *)(ip + 1) > end)
		return R_SHORT;
	if ((*(u8 *)p) >> 4 != 6)
		return R_IP;
	rest -= sizeof(*ip);
	size = bpf_ntohs(ip->payload);
	if (size > rest || (size == 0 && rest >= 8))
		size = rest;
	proto = ip->next;
	p += sizeof(*ip);
	if (proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_ICMPV6) {
		struct extensions x = { .off = distance(p, data), .size = size, .proto = proto };
		int got = skip_extensions(ctx, &x);
		if (got != P_IP)
			return got;
		proto = x.proto;
		size = x.size;
		opaque = x.opaque;
		f->fragment = x.fragment;
		p = data + (x.off & 0x7fff);
	}
	f->l4 = class_of(proto);
	if (!opaque && size > 0 && !transport(f, proto, p, end, size, &ports, &ok))
		return R_SHORT;

	f->key.proto = proto;
	f->key.family = ok ? FAMILY_IPV6 : FAMILY_IPV6 | PORTLESS;
	/* The header is 4-byte aligned at best. */
	src[0] = (u64)ip->src[1] << 32 | ip->src[0];
	src[1] = (u64)ip->src[3] << 32 | ip->src[2];
	dst[0] = (u64)ip->dst[1] << 32 | ip->dst[0];
	dst[1] = (u64)ip->dst[3] << 32 | ip->dst[2];
	if (src[0] != dst[0])
		f->dir = bpf_be64_to_cpu(src[0]) > bpf_be64_to_cpu(dst[0]);
	else if (src[1] != dst[1])
		f->dir = bpf_be64_to_cpu(src[1]) > bpf_be64_to_cpu(dst[1]);
	else
		f->dir = ports >> 16 > (ports & 0xffff);
	if (f->dir) {
		f->key.lo[0] = dst[0];
		f->key.lo[1] = dst[1];
		f->key.hi[0] = src[0];
		f->key.hi[1] = src[1];
		ports = ports >> 16 | ports << 16;
	} else {
		f->key.lo[0] = src[0];
		f->key.lo[1] = src[1];
		f->key.hi[0] = dst[0];
		f->key.hi[1] = dst[1];
	}
	f->key.lo_port = ports >> 16;
	f->key.hi_port = ports;
	return P_IP;
}

INLINE int is_vlan(u16 et)
{
	return et == ETH_VLAN || et == ETH_QINQ || et == 0x9100 || et == 0x9200 || et == 0x9300;
}

/* parse reads the frame from data to end, whose bytes on the wire are size: more than end - data
 * where the rest is elsewhere. It gives P_IP, P_NON_IP, or the reason to hand it up. */
INLINE int parse(context *ctx, struct frame *f, void *data, void *end, u32 size)
{
	void *p = data + 14;
	u16 et;
	int i, ip = 0;

	if (p > end)
		return R_SHORT;
	et = bpf_ntohs(*(u16 *)(data + 12));
	if (f->tpid)
		f->key.vlan = f->tci & 0x0fff;
	for (i = 0; i < MAX_TAGS && is_vlan(et); i++) {
		if (p + 4 > end)
			return R_SHORT;
		if (i == 0 && !f->tpid)
			f->key.vlan = bpf_ntohs(*(u16 *)p) & 0x0fff;
		et = bpf_ntohs(*(u16 *)(p + 2));
		p += 4;
	}
	if (!key_vlan)
		f->key.vlan = 0;

	switch (et) {
	case ETH_IPV4:
		ip = 4;
		break;
	case ETH_IPV6:
		ip = 6;
		break;
	case ETH_MPLS:
	case ETH_MPLS_MULTI:
		for (i = 0; i < MAX_LABELS; i++) {
			u8 bottom;
			if (p + 4 > end)
				return R_SHORT;
			bottom = ((u8 *)p)[2] & 1;
			p += 4;
			if (bottom)
				break;
		}
		if (i == MAX_LABELS)
			return R_TAGS;
		if (p + 1 > end)
			return R_SHORT;
		ip = *(u8 *)p >> 4;
		if (ip == 1)
			return P_NON_IP;
		if (ip != 4 && ip != 6)
			return R_MPLS;
		break;
	case ETH_PPPOE:
		if (p + 8 > end)
			return R_SHORT;
		if (((u8 *)p)[1])
			return P_NON_IP;
		et = bpf_ntohs(*(u16 *)(p + 6));
		if (et == 0x0021 || et == 0x0057) {
			ip = et == 0x0021 ? 4 : 6;
			p += 8;
		} else if (et >> 8 == 0x21 || et >> 8 == 0x57) { /* a compressed protocol field */
			ip = et >> 8 == 0x21 ? 4 : 6;
			p += 7;
		} else {
			return R_PPP;
		}
		break;
	case ETH_MACSEC:
		if (p + 6 > end)
			return R_SHORT;
		return *(u8 *)p & 0x8c ? P_NON_IP : R_LINK;
	case 0x9100:
	case 0x9200:
	case 0x9300:
	case ETH_VLAN:
	case ETH_QINQ:
		return R_TAGS;
	case ETH_PPP:
	case 0x22f3: /* TRILL */
	case 0x8870: /* jumbo LLC */
	case 0x88e7: /* 802.1ah */
	case 0x8903: /* FabricPath */
	case 0x8909: /* Cisco MetaData */
	case 0x8926: /* VN-Tag */
	case 0x892f: /* HSR */
	case 0x893f: /* 802.1BR */
	case 0x894f: /* NSH */
	case 0xf1c1: /* 802.1CB */
		return R_LINK;
	default:
		return et <= MAX_ETH_LENGTH ? R_LINK : P_NON_IP;
	}
	if (ip == 4)
		return parse_ipv4(f, p, end, size - distance(p, data));
	return parse_ipv6(ctx, f, data, p, end, size - distance(p, data));
}
