// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM does, of itself or because the guest wrote a register: the registers of
 * the unit, memory and devices that come and go.
 *
 * Functions return what went wrong, or NULL.
 */
#include "random.h"

/* --- Registers --- */

static void choose_caps(struct vtds_random *r)
{
	static const unsigned int mgaw[] = { 57, 57, 48, 48, 39, 47, 33 };
	static const unsigned int mamv[] = { 18, 18, 18, 9, 27, 0, 63 };
	static const unsigned int sagaw[] = { 14, 14, 14, 7 << 1, 6, 4, 12 };
	unsigned int levels = sagaw[random_below(r, 7)];
	unsigned int widest = levels & 8 ? 57 : levels & 4 ? 48 : 39;
	unsigned int width = mgaw[random_below(r, 7)];

	r->unit.cap = CAP_ND(random_chance(r, 70) ? 6 : random_below(r, 7)) |
		      CAP_CM | CAP_PSI | (__u64)levels << 8 |
		      CAP_MGAW(width < widest ? width : widest) |
		      CAP_MAMV(mamv[random_below(r, 7)]);
	if (random_chance(r, 85))
		r->unit.cap |= CAP_SSLPS_2M;
	/* Never without the smaller ones */
	if (r->giga && (r->unit.cap & CAP_SSLPS_2M) && random_chance(r, 85))
		r->unit.cap |= CAP_SSLPS_1G;
	r->unit.ecap = ECAP_QI;
	if (random_chance(r, 85))
		r->unit.ecap |= ECAP_PT;
	if (random_chance(r, 20))
		r->unit.ecap |= RANDOM_ECAP_DT;
	if (random_chance(r, 20))
		r->unit.ecap |= RANDOM_ECAP_SC;
	/* Not what the tables need, now and then */
	if (r->scalable ? random_chance(r, 98) : random_chance(r, 30))
		r->unit.ecap |= ECAP_SMTS;
	if (random_chance(r, 95))
		r->unit.ecap |= ECAP_SLTS;
	if (r->scalable && random_chance(r, 70))
		r->unit.ecap |= ECAP_RPS;
	if (r->pasids)
		r->unit.ecap |= RANDOM_ECAP_PASID;
	r->unit.haw = 39 + random_below(r, 14);
	model_set_caps(&r->model, r->unit.cap, r->unit.ecap, r->unit.haw);
	random_note(r, "cap %#llx ecap %#llx haw %u", r->unit.cap, r->unit.ecap,
		    r->unit.haw);
}

static void choose_root(struct vtds_random *r)
{
	__u64 root = random_page_for(r, FOR_ROOT)->gpa;

	root |= r->scalable ? 1 << 10 : 0;
	switch (random_below(r, 40)) {
	case 0:
		root ^= random_below(r, 4) << 10;
		break;
	case 1:
		root = NOWHERE_GPA;
		break;
	case 2:
		root |= 1ULL << random_below(r, 64);
		break;
	}
	r->unit.rtaddr = root;
}

/* At the beginning of a run: all of it */
const char *random_set_state(struct vtds_random *r)
{
	if (!r->step || random_chance(r, 10))
		choose_caps(r);
	if (!r->step || random_chance(r, 40))
		choose_root(r);
	r->unit.flags = random_chance(r, r->model.te ? 60 : 95) ?
				VTD_SHADOW_STATE_TE :
				0;
	random_note(r, "SET_STATE flags %u rtaddr %#llx", r->unit.flags,
		    r->unit.rtaddr);
	r->model.te = r->unit.flags & VTD_SHADOW_STATE_TE;
	r->model.rtaddr = r->unit.rtaddr;
	model_announce_all(&r->model);
	if (vtds_set_state(&r->unit))
		return "SET_STATE failed";
	return random_judge_install(r) ?: random_finish(r, r->unit.status);
}

const char *random_resync(struct vtds_random *r)
{
	random_note(r, "RESYNC");
	model_announce_all(&r->model);
	if (vtds_resync(&r->unit))
		return "RESYNC failed";
	return random_judge_install(r) ?: random_finish(r, r->unit.status);
}

/* --- Memory --- */

static const char *resync_range(struct vtds_random *r, unsigned int area)
{
	__u32 status = 0;
	const char *wrong = random_resync_range(r, area, &status);

	return wrong ?: random_finish(r, status);
}

const char *random_change_memory(struct vtds_random *r)
{
	/* Not the tail of 1 GiB: too much to fail page by page */
	unsigned int area = 1 + random_below(r, AREA_GIGA_HEAD);
	const char *wrong = NULL;

	if (area == AREA_GIGA_HEAD && !r->giga)
		area = AREA_DATA;
	if (r->model.area[area].perm) {
		random_note(r, "take area %u", area);
		wrong = random_take(r, area);
	}
	if (!wrong && random_chance(r, 75)) {
		unsigned int perm = random_usual(r, area);

		/* To be written only, not to be written */
		if (random_chance(r, 15))
			perm ^= random_chance(r, 30) ? PERM_R : PERM_W;
		perm = perm ?: PERM_W;
		random_note(r, "give area %u, permissions %u", area, perm);
		wrong = random_give(r, area, perm);
	}
	if (wrong || random_chance(r, 45))
		return wrong;
	return random_chance(r, 50) ? random_resync(r) : resync_range(r, area);
}

/* --- Devices --- */

const char *random_add(struct vtds_random *r, unsigned int device)
{
	struct model *m = &r->model;
	__u16 sids[MODEL_REQUESTERS];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < m->nr_requesters; i++)
		if (m->requester[i].device == device)
			sids[nr++] = m->requester[i].sid;
	random_note(r, "add device %u", device);
	model_set_present(m, device, true);
	if (vtds_add_device(&r->unit, r->dev[device].dev_id, r->identity, sids,
			    nr))
		return "ADD_DEVICE failed";
	return random_judge_install(r) ?: random_finish(r, r->unit.status);
}

const char *random_remove(struct vtds_random *r, unsigned int device)
{
	random_note(r, "remove device %u", device);
	model_set_present(&r->model, device, false);
	if (vtds_remove_device(&r->unit, r->dev[device].dev_id))
		return "REMOVE_DEVICE failed";
	return NULL;
}

const char *random_change_devices(struct vtds_random *r)
{
	unsigned int device = random_below(r, r->model.nr_devices);
	const char *wrong = NULL;

	if (r->model.device[device].present)
		wrong = random_remove(r, device);
	if (!wrong && random_chance(r, 80))
		wrong = random_add(r, device);
	return wrong;
}
