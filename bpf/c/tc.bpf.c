//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Counting in traffic control, in both directions. The kernel has taken the outermost VLAN tag out of
 * the bytes, or not yet put it in; a frame may hold many segments (GRO, GSO) and counts as the one that
 * it is, with all its bytes. */
#include <linux/bpf.h>

typedef struct __sk_buff context;

#include "count.h"

#define LINEAR 128 /* bytes that are made linear: all headers of usual frames */
#define VLAN_TAG 4
#define TC_NEXT (-1) /* TCX_NEXT, TC_ACT_UNSPEC: the next program decides */

INLINE long load_bytes(context *skb, void *to, u32 n, u32 room)
{
	return within(&n, room) ? bpf_skb_load_bytes(skb, 0, to, n) : -1;
}

INLINE int classify(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct frame f = { .len = skb->len };
	u32 size = skb->len, want = size < LINEAR ? size : LINEAR;

	if (data + want > end) {
		bpf_skb_pull_data(skb, want); /* without memory for it the frame is handed up */
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	if (skb->vlan_present) {
		f.tci = skb->vlan_tci;
		f.tpid = bpf_ntohs(skb->vlan_proto);
		f.len += VLAN_TAG;
	}
	count(skb, &f, data, end, size);
	return TC_NEXT;
}

SEC("tcx/ingress")
int netmond_ingress(struct __sk_buff *skb)
{
	return classify(skb);
}

SEC("tcx/egress")
int netmond_egress(struct __sk_buff *skb)
{
	return classify(skb);
}

/* For clsact, before Linux 6.6; either direction. */
SEC("tc")
int netmond_clsact(struct __sk_buff *skb)
{
	return classify(skb);
}

/* What any tc program costs, for comparison. */
SEC("tcx/ingress")
int netmond_empty(struct __sk_buff *skb)
{
	return TC_NEXT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
