// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sets up and takes down the scene of vtds_fixture.h, for tests, demo and benchmark.
 */
#include <string.h>
#include <errno.h>

#include "vtds_fixture.h"

bool vtds_scene_possible(const struct vtds_cast *cast)
{
	return vtds_dev_count(VTDS_EDU) >= (int)cast->edu &&
	       vtds_dev_count(VTDS_EDU_SHARED) >= (int)cast->shared &&
	       vtds_dev_count(VTDS_NVME) >= (int)cast->nvme;
}

static int add_memory(struct vtds_scene *scene, const struct vtds_cast *cast)
{
	struct vtds_guest *guest = &scene->guest;
	int rc = vtds_ram_add(guest, VTDS_RAM_SCATTERED, RAM_GPA,
			      cast->ram_4k ?: RAM_SIZE);

	if (!rc && cast->ram_2m)
		rc = vtds_ram_add(guest, VTDS_RAM_2M, RAM_2M_GPA, RAM_2M_SIZE);
	if (!rc && cast->ram_1g)
		rc = vtds_ram_add(guest, VTDS_RAM_1G, RAM_1G_GPA, SZ_1G);
	return rc ?: vtds_ram_map(guest, &scene->vmm);
}

static int open_devices(struct vtds_scene *scene, enum vtds_kind kind,
			unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct vtds_dev *dev = &scene->dev[scene->nr_devs];
		int rc = vtds_dev_open(dev, kind, i);

		if (rc)
			return rc;
		scene->nr_devs++;
		rc = vtds_dev_bind(dev, scene->vmm.iommufd);
		if (rc)
			return rc;
		dev->sid = scene->nr_devs << 8;
		dev->home = vtds_pages(&scene->guest, VTDS_HOME_SIZE, SZ_4K);
		dev->home_hva = vtds_hva(&scene->guest, dev->home);
	}
	return 0;
}

/* All but the guest's tables; the unit is bound and has no state or devices */
int vtds_scene_prepare(struct vtds_scene *scene, const struct vtds_cast *cast)
{
	int rc;

	memset(scene, 0, sizeof(*scene));
	rc = vtds_vmm_open(&scene->vmm);
	rc = rc ?: add_memory(scene, cast);
	rc = rc ?: open_devices(scene, VTDS_EDU, cast->edu);
	rc = rc ?: open_devices(scene, VTDS_EDU_SHARED, cast->shared);
	rc = rc ?: open_devices(scene, VTDS_NVME, cast->nvme);
	rc = rc ?: vtds_unit_open(&scene->unit);
	rc = rc	   ?:
		     vtds_unit_bind(&scene->unit, &scene->vmm, cast->max_nodes,
				    cast->max_pages);
	if (rc)
		return rc;

	scene->guest.root = vtds_page(&scene->guest);
	scene->guest.sm_root = vtds_page(&scene->guest);
	scene->scalable = cast->scalable;
	scene->unit.wide = cast->scalable;
	if (cast->scalable)
		scene->unit.ecap |= ECAP_SCALABLE;
	if (cast->queue) {
		vtds_queue_init(&scene->queue, &scene->guest, 1,
				cast->scalable);
		scene->unit.queue = &scene->queue;
	}
	vtds_table_init(&scene->table, &scene->guest, cast->levels ?: 4,
			SCENE_DID);
	return 0;
}

/* The guest's entries for a device name the table, in the mode of the scene */
void vtds_scene_use(struct vtds_scene *scene, struct vtds_dev *dev,
		    const struct vtds_table *table)
{
	if (!scene->scalable) {
		vtds_ctx_use(&scene->guest, dev->sid, table);
		return;
	}
	if (!(*vtds_sm_ctx(&scene->guest, dev->sid) & SM_CTX_P))
		vtds_sm_probe(&scene->guest, dev->sid, 0);
	vtds_sm_use(&scene->guest, dev->sid, 0, table);
}

void vtds_scene_map_homes(struct vtds_scene *scene, struct vtds_table *table)
{
	for (unsigned int i = 0; i < scene->nr_devs; i++)
		vtds_map_range(table, scene->dev[i].home, scene->dev[i].home,
			       VTDS_HOME_SIZE, PERM_RW);
}

int vtds_scene_state(struct vtds_scene *scene, bool enabled)
{
	scene->unit.flags = enabled ? VTD_SHADOW_STATE_TE : 0;
	scene->unit.rtaddr = scene->scalable ?
				     scene->guest.sm_root | RTADDR_SCALABLE :
				     scene->guest.root;
	return vtds_set_state(&scene->unit);
}

int vtds_scene_add(struct vtds_scene *scene, struct vtds_dev *dev)
{
	return vtds_add_device(&scene->unit, dev->dev_id, scene->vmm.ioas,
			       &dev->sid, 1);
}

/* Translation is on and every device is on the table */
int vtds_scene_start(struct vtds_scene *scene)
{
	int rc;

	vtds_scene_map_homes(scene, &scene->table);
	for (unsigned int i = 0; i < scene->nr_devs; i++)
		vtds_scene_use(scene, &scene->dev[i], &scene->table);

	rc = vtds_scene_state(scene, true);
	for (unsigned int i = 0; !rc && i < scene->nr_devs; i++) {
		rc = vtds_scene_add(scene, &scene->dev[i]);
		if (!rc && scene->unit.install_errno)
			rc = -EBADMSG;
	}
	return rc;
}

int vtds_scene_open(struct vtds_scene *scene, const struct vtds_cast *cast)
{
	return vtds_scene_prepare(scene, cast) ?: vtds_scene_start(scene);
}

/* The devices that the unit says reach their home memory, as bits */
unsigned int vtds_scene_answers_home(struct vtds_scene *scene)
{
	unsigned int mask = 0;

	for (unsigned int i = 0; i < scene->nr_devs; i++) {
		struct vtds_dev *dev = &scene->dev[i];

		if (vtds_answer(&scene->unit, dev->sid, dev->home, dev->home) ==
		    PERM_RW)
			mask |= 1U << i;
	}
	return mask;
}

void vtds_scene_close(struct vtds_scene *scene)
{
	vtds_unit_close(&scene->unit);
	while (scene->nr_devs)
		vtds_dev_close(&scene->dev[--scene->nr_devs]);
	vtds_vmm_close(&scene->vmm);
	vtds_ram_free(&scene->guest);
}
