/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of what devices may reach, for the random test: knows what the guest
 * wrote and what it announced, and nothing of how the driver works.
 *
 * The rule that it checks: what was announced is exact; what was changed and not
 * announced is as it was or as it became, since the driver may sync more than it
 * is asked to. So for each address there is a set of allowed answers. It grows
 * with what the tables say at each call into the driver, shrinks to that when an
 * announcement covers the address, and shrinks to what was observed when the
 * driver is asked.
 *
 * What led to no memory stays as it is until the guest changes the entry or the VMM says
 * that there is memory: until then an address that was out of reach may stay so. What the
 * guest has changed and not announced may also be out of reach until it does: the driver
 * may come upon it on its own, have looked for memory before that was given, or wait for it
 * between the old entry and the new one.
 *
 * What the tables say is found by a walk over the model's own record of what the
 * guest wrote (model_walk.c), the sets are kept in model.c.
 */
#ifndef SELFTESTS_VTD_SHADOW_RANDOM_MODEL_H
#define SELFTESTS_VTD_SHADOW_RANDOM_MODEL_H

#include "vtds_lib.h"

#define MODEL_AREAS 16
#define MODEL_PAGES 48
#define MODEL_ADDRS 96
#define MODEL_DEVICES 8
#define MODEL_REQUESTERS 8
#define MODEL_KEYS 32
#define MODEL_ANSWERS 8
#define MODEL_SETTINGS 16
#define MODEL_RANGES 16

/**
 * struct model_area - Guest memory that the VMM gives and takes as one
 * @gpa: Where it begins
 * @size: Bytes
 * @perm: PERM_*: what the IOAS allows, PERM_NONE while it is taken away
 */
struct model_area {
	__u64 gpa;
	__u64 size;
	unsigned int perm;
};

/**
 * struct model_page - A page that the guest uses for tables of any kind
 * @gpa: Its address
 * @area: Area that it is in
 * @hva: The page itself
 * @entry: What the guest wrote to it
 */
struct model_page {
	__u64 gpa;
	unsigned int area;
	volatile __u64 *hva;
	__u64 entry[512];
};

/**
 * struct model_answer - Where an address leads
 * @gpa: Guest page
 * @areas: Bit n: the walk or the page needs area n
 * @perm: PERM_*, nothing else counts if it is PERM_NONE
 * @level: Of the guest's leaf
 * @early: With PERM_NONE: only until it is announced, see above
 */
struct model_answer {
	__u64 gpa;
	__u16 areas;
	__u8 perm;
	__u8 level;
	bool early;
};

/**
 * struct model_set - Answers that are allowed for an address
 * @nr: How many
 * @any: There were more than fit, so that all are allowed
 * @answer: They
 */
struct model_set {
	__u8 nr;
	bool any;
	struct model_answer answer[MODEL_ANSWERS];
};

/**
 * struct model_setting - What root and context entries say for a requester
 * @attachment: Where the device belongs
 * @reason: VT-d fault reason if it is blocked
 * @levels: Of the second-stage table
 * @did: Domain-id
 * @pasid: That of requests without PASID, in scalable mode
 * @root: Of the second-stage table
 */
struct model_setting {
	enum vtd_shadow_attachment attachment;
	__u8 reason;
	__u8 levels;
	__u16 did;
	__u32 pasid;
	__u64 root;
};

/**
 * struct model_key - A second-stage table that a device may be attached to
 * @live: Whether one may
 * @root: Its address
 * @levels: Its levels
 * @version: Of the memory that @fresh is made from
 * @checked: Step in which all addresses were last compared with the driver
 * @fresh: What the table says, by address
 * @may: What the driver may answer
 */
struct model_key {
	bool live;
	__u64 root;
	unsigned int levels;
	unsigned long version;
	unsigned long checked;
	struct model_answer fresh[MODEL_ADDRS];
	struct model_set may[MODEL_ADDRS];
};

/**
 * struct model_requester - A source-id of a device
 * @sid: It
 * @device: Whose
 * @nr: Number of settings that the driver may have read last
 * @may: They
 */
struct model_requester {
	__u16 sid;
	unsigned int device;
	unsigned int nr;
	struct model_setting may[MODEL_SETTINGS];
};

/**
 * struct model_device - A device
 * @present: The unit has it
 * @group: Number of its host IOMMU group
 */
struct model_device {
	bool present;
	unsigned int group;
};

/**
 * struct model_caps - CAP_REG, ECAP_REG and the guest's address width
 * @levels: Bit n: tables of n levels
 * @leaves: Bit n: leaves of level n
 * @mgaw: Bits of IOVA
 * @haw: Bits of guest physical addresses
 * @mamv: Largest address mask
 * @did_mask: Bits that a domain-id has
 * @pass_through: Context entries may say so
 * @device_tlb: The same
 * @snoop: Leaves may have SNP
 * @scalable: There is scalable mode
 * @second_stage: PASID entries may say so
 * @rid_pasid: Context entries tell the PASID of requests without one
 */
struct model_caps {
	unsigned int levels;
	unsigned int leaves;
	unsigned int mgaw;
	unsigned int haw;
	unsigned int mamv;
	unsigned int did_mask;
	bool pass_through;
	bool device_tlb;
	bool snoop;
	bool scalable;
	bool second_stage;
	bool rid_pasid;
};

/**
 * struct model_range - Addresses
 * @first: First one
 * @last: Last one
 */
struct model_range {
	__u64 first;
	__u64 last;
};

/**
 * struct model - All of it
 * @guest: The guest's memory
 * @range: IOVAs that the host IOMMU can map
 * @nr_ranges: How many
 * @write_only: The host can let devices write memory that they cannot read
 * @caps: Registers
 * @te: Translation is enabled
 * @rtaddr: RTADDR_REG
 * @area: Guest memory by area
 * @nr_areas: How many
 * @unsaid: Bit n: the driver was not told that area n is another one now
 * @restless: Memory was taken: what lost more than had to go is read again, at any time
 * @page: Pages with tables
 * @nr_pages: How many
 * @iova: Addresses in question
 * @nr_addrs: How many
 * @device: Devices
 * @nr_devices: How many
 * @requester: Their source-ids
 * @nr_requesters: How many
 * @key: Tables in use, in no order
 * @version: Changes with every change of what walks depend on
 * @anys: How often a set was full
 */
struct model {
	const struct vtds_guest *guest;
	struct model_range range[MODEL_RANGES];
	unsigned int nr_ranges;
	bool write_only;
	struct model_caps caps;
	bool te;
	__u64 rtaddr;
	struct model_area area[MODEL_AREAS];
	unsigned int nr_areas;
	__u16 unsaid;
	bool restless;
	struct model_page page[MODEL_PAGES];
	unsigned int nr_pages;
	__u64 iova[MODEL_ADDRS];
	unsigned int nr_addrs;
	struct model_device device[MODEL_DEVICES];
	unsigned int nr_devices;
	struct model_requester requester[MODEL_REQUESTERS];
	unsigned int nr_requesters;
	struct model_key key[MODEL_KEYS];
	unsigned long version;
	unsigned long anys;
};

static inline unsigned int model_shift(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

static inline unsigned int model_index(__u64 iova, unsigned int level)
{
	return iova >> model_shift(level) & 511;
}

/* Bits @high to @low, none if @low is larger */
static inline __u64 model_bits(unsigned int high, unsigned int low)
{
	return (~0ULL >> (63 - high)) & (~0ULL << low);
}

/* ---- What memory and second-stage tables say now (model_walk.c) ---- */

unsigned int model_area_at(const struct model *m, __u64 gpa);
unsigned int model_memory(const struct model *m, __u64 gpa);
struct model_page *model_page_at(struct model *m, __u64 gpa);
void model_write(struct model *m, struct model_page *page, unsigned int index,
		 __u64 value);
void model_written(struct model *m, __u64 gpa, __u32 value);
bool model_read(struct model *m, __u64 gpa, __u64 *entry, __u16 *areas);
void model_set_caps(struct model *m, __u64 cap, __u64 ecap, unsigned int haw);
bool model_reserved(const struct model *m, __u64 entry, unsigned int level);
__u64 model_last(const struct model *m, unsigned int levels);
struct model_answer model_walk(struct model *m, __u64 root, unsigned int levels,
			       __u64 iova);

/* ---- What root, context and PASID entries say now (model_context.c) ---- */

bool model_has_mode(const struct model *m, unsigned int ttm);
bool model_is_scalable(const struct model *m);
unsigned int model_no_pasids(struct model *m, __u16 sid);
struct model_setting model_read_setting(struct model *m, __u16 sid);

/* ---- What the driver may answer (model.c) ---- */

void model_reset(struct model *m);
struct model_key *model_key_of(struct model *m,
			       const struct model_setting *setting);
bool model_group_is_on(const struct model *m, unsigned int group,
		       const struct model_key *key);
void model_announce_key(struct model *m, struct model_key *key, __u64 first,
			__u64 last);
void model_announce_requester(struct model *m, struct model_requester *r);
void model_requester_may_be_read(struct model *m, struct model_requester *r);
void model_update_live(struct model *m);
void model_call(struct model *m);
void model_announce_all(struct model *m);
void model_set_present(struct model *m, unsigned int device, bool present);
void model_set_area(struct model *m, unsigned int area, unsigned int perm);
void model_resync_area(struct model *m, unsigned int area);

/* ---- Announcements (model_desc.c) ---- */

/**
 * struct model_desc - An invalidation descriptor
 * @q: Its quadwords, the last two of them in 256 bits only
 */
struct model_desc {
	__u64 q[4];
};

enum vtd_shadow_iqei model_descriptor(struct model *m, struct model_desc desc,
				      bool wide);

/* ---- Comparison with what the driver answers (model_observe.c) ---- */

/**
 * struct model_observation - What was seen of a requester in a step
 * @model: The model
 * @requester: The requester
 * @seen: Answers of the driver, by address
 * @wrong: What is wrong, NULL so far
 */
struct model_observation {
	struct model *model;
	struct model_requester *requester;
	struct model_answer seen[MODEL_ADDRS];
	const char *wrong;
};

bool model_observe(struct model_observation *o,
		   const struct vtd_shadow_translate *answer);
bool model_observe_addr(struct model_observation *o, unsigned int addr,
			const struct vtd_shadow_translate *answer);
struct model_key *model_observed_key(struct model_observation *o);
void model_observed_all(struct model_observation *o, unsigned long step);

#endif /* SELFTESTS_VTD_SHADOW_RANDOM_MODEL_H */
