/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rig: devices that join a unit and leave it, for the unit tests of device.c,
 * pasid.c, domain.c and translate.c. rig.c has the fakes of host IOMMUs, groups and
 * iommufd, rig_guest.c what guest and VMM do. One test at a time has a rig.
 */
#ifndef VTDS_RIG_H
#define VTDS_RIG_H

#include <linux/iommu.h>
#include <linux/vfio.h>

#include "../bound.h"
#include "../device.h"
#include "../host_domain.h"
#include "bench.h"

#define ROOT_GPA 0x3000ULL
#define TABLE_A 0x40000ULL
#define TABLE_B 0x50000ULL
#define DATA_GPA 0x400000ULL
#define MANY_DEVICES 3
#define MANY_DOMAINS 8
#define MANY_DEV_PASIDS 16

/* By the numbers of the specification, which the uapi header has to have, too */
enum {
	REASON_LEGACY_MODE = 0x31,
	REASON_PASID_DISABLED = 0x45,
	REASON_PASID_TOO_LARGE = 0x46,
	REASON_PASID_NOT_PRESENT = 0x59,
	REASON_PASID_INVALID = 0x5b,
	REASON_NOT_INSTALLED = 0x78,
	REASON_NO_READ = 0x86,
	REASON_INTERRUPT_RANGE = 0x87,
	BLOCKED = VTD_SHADOW_ATTACHED_BLOCKED,
	IDENTITY = VTD_SHADOW_ATTACHED_IDENTITY,
	SHADOW = VTD_SHADOW_ATTACHED_SHADOW,
};

/**
 * struct rig_device - A device and its host
 * @dev: As the unit knows it, while it has the device
 * @bound: As bound.c knows it
 * @vdev: Its VFIO device
 * @iommu: Which host IOMMU is in front of it: domains of others are refused
 * @pasids: Host and device can attach PASIDs
 * @resv_first: The host reserves from here
 * @resv_last: to here, if not 0
 * @attach_error: What attaching it fails with, 0 if it does not
 * @nr_attaches: How often that was tried
 */
struct rig_device {
	struct vtds_device *dev;
	struct vtds_bound bound;
	struct vfio_device vdev;
	unsigned int iommu;
	bool pasids;
	u64 resv_first;
	u64 resv_last;
	int attach_error;
	unsigned int nr_attaches;
};

/**
 * struct rig - What stands behind the fakes
 * @b: The bench; its own domain is not used
 * @devices: Devices, each in a group of its own
 * @hosts: Host domains that exist, NULL else
 * @host_iommu: For which host IOMMU each was made
 * @dev_pasids: What is attached
 * @attached_host: Where: the domain, NULL for the identity page table
 * @nr_dev_pasids: How much
 * @nr_places: Chunks for which a place was looked for, by who counts
 */
struct rig {
	struct bench *b;
	struct rig_device devices[MANY_DEVICES];
	struct fake_host *hosts[MANY_DOMAINS];
	unsigned int host_iommu[MANY_DOMAINS];
	struct vtds_dev_pasid dev_pasids[MANY_DEV_PASIDS];
	struct iommu_domain *attached_host[MANY_DEV_PASIDS];
	unsigned int nr_dev_pasids;
	unsigned int nr_places;
};

/* Of the test that runs; the fakes have no other way to it */
extern struct rig *rig;

/* The fakes, rig.c */

int rig_init(struct kunit *test);
void rig_exit(struct kunit *test);
unsigned int rig_find_dev_pasid(const struct device *dev, u32 pasid);
unsigned int rig_find_host(const struct iommu_domain *domain);

/* Guest and VMM, rig_guest.c */

u16 rig_sid_of(unsigned int i);
int rig_try_add(unsigned int i, unsigned int nr_sids);
void rig_add_with(unsigned int i, unsigned int nr_sids);
void rig_add(unsigned int i);
void rig_drop(unsigned int i);
u32 rig_refresh(void);
u32 rig_flush(u64 low);
u32 rig_flush_all(void);
u32 rig_flush_did(u16 did);
unsigned int rig_attached(unsigned int i, u32 pasid);
struct fake_host *rig_host_of(unsigned int i, u32 pasid);
bool rig_maps(struct fake_host *host, u64 iova);
void rig_make_table(u64 root, unsigned int page);
void rig_legacy_context(unsigned int i, u64 lo);
u64 *rig_pasid_entry(unsigned int i, u32 pasid);
void rig_set_pasid(unsigned int i, u32 pasid, unsigned int pgtt, u64 root);
void rig_scalable_context(unsigned int i);
void rig_scalable_mode(void);
void rig_two_tables(void);
bool rig_next_event(struct vtd_shadow_event *event);
void rig_no_more_events(struct kunit *test);
void rig_expect_event(struct kunit *test, unsigned int type, int error);
void rig_retry(void);

#endif /* VTDS_RIG_H */
