// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets up and takes down the fixture of vtds_fixture.h, for tests, demo and benchmark.
 */
#include <string.h>
#include <errno.h>

#include "vtds_fixture.h"

bool vtds_fixture_possible(const struct vtds_config *config)
{
	return vtds_dev_count(VTDS_EDU) >=
		       (int)(config->edu_first + config->edu) &&
	       vtds_dev_count(VTDS_EDU_SHARED) >= (int)config->shared &&
	       vtds_dev_count(VTDS_NVME) >= (int)config->nvme;
}

static int add_memory(struct vtds_fixture *f, const struct vtds_config *config)
{
	struct vtds_guest *guest = &f->guest;
	int rc = vtds_ram_add(guest, VTDS_RAM_SCATTERED, RAM_GPA,
			      config->ram_4k ?: RAM_SIZE);

	if (!rc && config->ram_2m)
		rc = vtds_ram_add(guest, VTDS_RAM_2M, RAM_2M_GPA, RAM_2M_SIZE);
	if (!rc && config->ram_1g)
		rc = vtds_ram_add(guest, VTDS_RAM_1G, RAM_1G_GPA, SZ_1G);
	return rc ?: vtds_ram_map(guest, &f->vmm);
}

static int open_devices(struct vtds_fixture *f, enum vtds_kind kind,
			unsigned int first, unsigned int nr)
{
	for (unsigned int i = first; i < first + nr; i++) {
		struct vtds_dev *dev = &f->dev[f->nr_devs];
		int rc = vtds_dev_open(dev, kind, i);

		if (rc)
			return rc;
		f->nr_devs++;
		rc = vtds_dev_bind(dev, f->vmm.iommufd);
		if (rc)
			return rc;
		dev->sid = f->nr_devs << 8;
		dev->buffer = vtds_pages(&f->guest, VTDS_BUFFER_SIZE, SZ_4K);
		dev->buffer_hva = vtds_hva(&f->guest, dev->buffer);
	}
	return 0;
}

/* All but the guest's tables; the unit is bound and has no state or devices */
int vtds_fixture_prepare(struct vtds_fixture *f,
			 const struct vtds_config *config)
{
	int rc;

	memset(f, 0, sizeof(*f));
	rc = vtds_vmm_open(&f->vmm);
	rc = rc ?: add_memory(f, config);
	rc = rc ?: open_devices(f, VTDS_EDU, config->edu_first, config->edu);
	rc = rc ?: open_devices(f, VTDS_EDU_SHARED, 0, config->shared);
	rc = rc ?: open_devices(f, VTDS_NVME, 0, config->nvme);
	rc = rc ?: vtds_unit_open(&f->unit);
	f->unit.budget = config->budget;
	rc = rc	   ?:
		     vtds_unit_bind(&f->unit, &f->vmm, config->max_nodes,
				    config->max_pages);
	if (rc)
		return rc;

	f->guest.root = vtds_page(&f->guest);
	f->guest.sm_root = vtds_page(&f->guest);
	f->scalable = config->scalable;
	f->unit.wide = config->scalable;
	if (config->scalable)
		f->unit.ecap |= ECAP_SCALABLE;
	if (config->queue) {
		vtds_queue_init(&f->queue, &f->guest, 1, config->scalable);
		f->unit.queue = &f->queue;
	}
	vtds_table_init(&f->table, &f->guest, config->levels ?: 4, TABLE_DID);
	return 0;
}

/* The guest's entries for a device name the table, in the mode of the fixture */
void vtds_fixture_use(struct vtds_fixture *f, struct vtds_dev *dev,
		      const struct vtds_table *table)
{
	if (!f->scalable) {
		vtds_ctx_use(&f->guest, dev->sid, table);
		return;
	}
	if (!(*vtds_sm_ctx(&f->guest, dev->sid) & SM_CTX_P))
		vtds_sm_probe(&f->guest, dev->sid, 0);
	vtds_sm_use(&f->guest, dev->sid, 0, table);
}

void vtds_fixture_map_buffers(struct vtds_fixture *f, struct vtds_table *table)
{
	for (unsigned int i = 0; i < f->nr_devs; i++)
		vtds_map_range(table, f->dev[i].buffer, f->dev[i].buffer,
			       VTDS_BUFFER_SIZE, PERM_RW);
}

int vtds_fixture_state(struct vtds_fixture *f, bool enabled)
{
	f->unit.flags = enabled ? VTD_SHADOW_STATE_TE : 0;
	f->unit.rtaddr = f->scalable ? f->guest.sm_root | RTADDR_SCALABLE :
				       f->guest.root;
	return vtds_set_state(&f->unit);
}

int vtds_fixture_add(struct vtds_fixture *f, struct vtds_dev *dev)
{
	return vtds_add_device(&f->unit, dev->dev_id, f->vmm.ioas, &dev->sid,
			       1);
}

/* Translation is on and every device is on the table */
int vtds_fixture_start(struct vtds_fixture *f)
{
	int rc;

	vtds_fixture_map_buffers(f, &f->table);
	for (unsigned int i = 0; i < f->nr_devs; i++)
		vtds_fixture_use(f, &f->dev[i], &f->table);

	rc = vtds_fixture_state(f, true);
	for (unsigned int i = 0; !rc && i < f->nr_devs; i++) {
		rc = vtds_fixture_add(f, &f->dev[i]);
		if (!rc && f->unit.install_errno)
			rc = -EBADMSG;
	}
	return rc;
}

int vtds_fixture_open(struct vtds_fixture *f, const struct vtds_config *config)
{
	return vtds_fixture_prepare(f, config) ?: vtds_fixture_start(f);
}

/* The devices that the unit says reach their buffers, as bits */
unsigned int vtds_fixture_answer_buffers(struct vtds_fixture *f)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < f->nr_devs; i++) {
		struct vtds_dev *dev = &f->dev[i];

		if (vtds_answer(&f->unit, dev->sid, dev->buffer, dev->buffer) ==
		    PERM_RW)
			mask |= 1U << i;
	}
	return mask;
}

/* Prepares DMA in the background: to @nr new pages, mapped one after the other at @iova */
void vtds_fixture_load(struct vtds_fixture *f, struct vtds_load *load,
		       struct vtds_dev *dev, unsigned int nr, __u64 iova)
{
	load->dev = dev;
	load->guest = &f->guest;
	load->nr = nr;
	load->skip = -1;
	for (unsigned int i = 0; i < nr; i++) {
		load->iova[i] = iova + i * SZ_4K;
		load->gpa[i] = vtds_page(&f->guest);
		vtds_map(&f->table, load->iova[i], load->gpa[i], SZ_4K,
			 PERM_RW);
	}
}

void vtds_fixture_close(struct vtds_fixture *f)
{
	vtds_unit_close(&f->unit);
	while (f->nr_devs)
		vtds_dev_close(&f->dev[--f->nr_devs]);
	vtds_vmm_close(&f->vmm);
	vtds_ram_free(&f->guest);
}
