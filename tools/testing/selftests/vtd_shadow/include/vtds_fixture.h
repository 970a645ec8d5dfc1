/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture that most tests begin with: a VMM, a guest with memory and a root
 * table, a unit, and devices that are all on one second-stage table (lib/fixture.c).
 */
#ifndef VTDS_FIXTURE_H
#define VTDS_FIXTURE_H

#include "vtds_lib.h"

#define VTDS_MAX_DEVS 9

/* Where the blocks of guest memory are */
#define RAM_GPA 0x1000000ULL
#define RAM_SIZE (4 * SZ_1M)
#define RAM_2M_GPA 0x80000000ULL
#define RAM_2M_SIZE (8 * SZ_2M)
#define RAM_1G_GPA 0x100000000ULL

/* Domain-id of the fixture's table */
#define TABLE_DID 5

/**
 * struct vtds_config - What a fixture consists of
 * @edu: Number of edu devices, each alone in its IOMMU group
 * @edu_first: How many such devices belong to others
 * @shared: Number of edu devices in one IOMMU group
 * @nvme: Number of nvme devices
 * @levels: Of the table, 0 for 4
 * @scalable: The guest uses scalable mode, and descriptors of 256 bits
 * @queue: The guest has a queue of its own for them, two pages of its memory
 * @ram_4k: Bytes of guest memory in scattered pages, 0 for RAM_SIZE
 * @ram_2m: Guest memory in 2 MiB pages too
 * @ram_1g: Guest memory in a 1 GiB page too
 * @max_nodes: Limits for BIND, 0 for the defaults
 * @max_pages: Likewise
 * @budget: Tables that one call may visit, 0 for no limit
 */
struct vtds_config {
	unsigned int edu;
	unsigned int edu_first;
	unsigned int shared;
	unsigned int nvme;
	unsigned int levels;
	bool scalable;
	bool queue;
	__u64 ram_4k;
	bool ram_2m;
	bool ram_1g;
	__u64 max_nodes;
	__u64 max_pages;
	unsigned int budget;
};

/**
 * struct vtds_fixture - Who and what is there
 * @vmm: The VMM's iommufd
 * @guest: The guest's memory
 * @unit: The unit, bound
 * @queue: The guest's queue, if it uses one
 * @scalable: Its tables are those of scalable mode
 * @table: The table of all devices, with their buffers in it one to one
 * @dev: The devices in the order of struct vtds_config
 * @nr_devs: How many
 */
struct vtds_fixture {
	struct vtds_vmm vmm;
	struct vtds_guest guest;
	struct vtds_unit unit;
	struct vtds_queue queue;
	bool scalable;
	struct vtds_table table;
	struct vtds_dev dev[VTDS_MAX_DEVS];
	unsigned int nr_devs;
};

bool vtds_fixture_possible(const struct vtds_config *config);
int vtds_fixture_prepare(struct vtds_fixture *f,
			 const struct vtds_config *config);
int vtds_fixture_start(struct vtds_fixture *f);
int vtds_fixture_open(struct vtds_fixture *f, const struct vtds_config *config);
void vtds_fixture_close(struct vtds_fixture *f);

int vtds_fixture_add(struct vtds_fixture *f, struct vtds_dev *dev);
void vtds_fixture_map_buffers(struct vtds_fixture *f, struct vtds_table *table);
void vtds_fixture_use(struct vtds_fixture *f, struct vtds_dev *dev,
		      const struct vtds_table *table);
int vtds_fixture_state(struct vtds_fixture *f, bool enabled);
unsigned int vtds_fixture_answer_buffers(struct vtds_fixture *f);
void vtds_fixture_load(struct vtds_fixture *f, struct vtds_load *load,
		       struct vtds_dev *dev, unsigned int nr, __u64 iova);

#endif /* VTDS_FIXTURE_H */
