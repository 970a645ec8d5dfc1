/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builders of invalidation descriptors as a guest writes them: VT-d
 * specification, section 6.5.2. In queues of 256 bits the rest is zero.
 */
#ifndef VTDS_DESC_H
#define VTDS_DESC_H

#include "vtds_lib.h"

enum {
	DESC_CC = 1,
	DESC_IOTLB = 2,
	DESC_DEV_TLB = 3,
	DESC_IEC = 4,
	DESC_WAIT = 5,
	/* In queues of 256-bit descriptors only */
	DESC_PASID_IOTLB = 6,
	DESC_PASID_CACHE = 7,
	DESC_PASID_DEV_TLB = 8,
};

enum {
	DESC_G_GLOBAL = 1 << 4,
	DESC_G_DOMAIN = 2 << 4,
	DESC_G_SELECTIVE = 3 << 4,
};

#define DESC_DID(did) ((__u64)(did) << 16)
#define DESC_SID(sid) ((__u64)(sid) << 32)
#define DESC_FM(fm) ((__u64)(fm) << 48)
#define DESC_PASID(pasid) ((__u64)(pasid) << 32)

#define DESC(_lo, _hi) ((struct vtds_desc){ .lo = (_lo), .hi = (_hi) })

static inline struct vtds_desc cc_global(void)
{
	return DESC(DESC_CC | DESC_G_GLOBAL, 0);
}

static inline struct vtds_desc cc_domain(__u16 did)
{
	return DESC(DESC_CC | DESC_G_DOMAIN | DESC_DID(did), 0);
}

static inline struct vtds_desc cc_device_mask(__u16 did, __u16 sid, __u8 fm)
{
	return DESC(DESC_CC | DESC_G_SELECTIVE | DESC_DID(did) | DESC_SID(sid) |
			    DESC_FM(fm),
		    0);
}

/* What Linux sends when it attaches a device: its domain-id is 0 */
static inline struct vtds_desc cc_device(__u16 sid)
{
	return cc_device_mask(0, sid, 0);
}

static inline struct vtds_desc iotlb_global(void)
{
	return DESC(DESC_IOTLB | DESC_G_GLOBAL, 0);
}

static inline struct vtds_desc iotlb_domain(__u16 did)
{
	return DESC(DESC_IOTLB | DESC_G_DOMAIN | DESC_DID(did), 0);
}

/* 2^@am pages around @addr, which is taken as it is, aligned or not */
static inline struct vtds_desc iotlb_pages(__u16 did, __u64 addr, __u8 am)
{
	return DESC(DESC_IOTLB | DESC_G_SELECTIVE | DESC_DID(did),
		    (addr & ~0xfffULL) | am);
}

static inline struct vtds_desc iotlb_page(__u16 did, __u64 addr)
{
	return iotlb_pages(did, addr, 0);
}

static inline struct vtds_desc dev_tlb(__u16 sid, __u64 addr)
{
	return DESC(DESC_DEV_TLB | DESC_SID(sid), addr & ~0xfffULL);
}

static inline struct vtds_desc iec_global(void)
{
	return DESC(DESC_IEC, 0);
}

static inline struct vtds_desc iec_index(__u16 index, __u8 mask)
{
	return DESC(DESC_IEC | 1 << 4 | (__u64)mask << 27 | (__u64)index << 32,
		    0);
}

static inline struct vtds_desc wait_status(__u64 addr, __u32 data)
{
	return DESC(DESC_WAIT | 1 << 5 | (__u64)data << 32, addr);
}

/* A wait with the interrupt flag */
static inline struct vtds_desc wait_interrupt(void)
{
	return DESC(DESC_WAIT | 1 << 4, 0);
}

/* PASID cache: G 00b, 01b and 11b */
static inline struct vtds_desc pc_domain(__u16 did)
{
	return DESC(DESC_PASID_CACHE | DESC_DID(did), 0);
}

static inline struct vtds_desc pc_pasid(__u16 did, __u32 pasid)
{
	return DESC(DESC_PASID_CACHE | 1 << 4 | DESC_DID(did) |
			    DESC_PASID(pasid),
		    0);
}

static inline struct vtds_desc pc_global(void)
{
	return DESC(DESC_PASID_CACHE | 3 << 4, 0);
}

/* PASID-based IOTLB: G 10b and 11b */
static inline struct vtds_desc piotlb_pasid(__u16 did, __u32 pasid)
{
	return DESC(DESC_PASID_IOTLB | 2 << 4 | DESC_DID(did) |
			    DESC_PASID(pasid),
		    0);
}

static inline struct vtds_desc piotlb_pages(__u16 did, __u32 pasid, __u64 addr,
					    __u8 am)
{
	return DESC(DESC_PASID_IOTLB | 3 << 4 | DESC_DID(did) |
			    DESC_PASID(pasid),
		    (addr & ~0xfffULL) | am);
}

/* The source-id is in another place than that of the device-TLB descriptor */
static inline struct vtds_desc pasid_dev_tlb(__u16 sid, __u32 pasid, __u64 addr)
{
	return DESC(DESC_PASID_DEV_TLB | (__u64)sid << 16 | DESC_PASID(pasid),
		    addr & ~0xfffULL);
}

#endif /* VTDS_DESC_H */
