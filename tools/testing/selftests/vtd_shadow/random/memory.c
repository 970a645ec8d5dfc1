// SPDX-License-Identifier: GPL-2.0-only
/*
 * The random test's guest memory, which the VMM gives and takes area by area.
 *
 * Functions that return text return what went wrong, or NULL.
 */
#include <string.h>

#include "random.h"

static const struct model_area areas[NR_AREAS] = {
	[AREA_FIXED] = { .gpa = FIXED_GPA, .size = FIXED_SIZE },
	[AREA_TABLES] = { .gpa = SMALL_GPA, .size = 8 * SZ_4K },
	[AREA_DATA] = { .gpa = SMALL_GPA + 8 * SZ_4K, .size = 4 * SZ_4K },
	[AREA_ROM] = { .gpa = SMALL_GPA + 16 * SZ_4K, .size = 4 * SZ_4K },
	[AREA_WHOLE] = { .gpa = WHOLE_GPA, .size = SZ_2M },
	[AREA_HEAD] = { .gpa = PIECES_GPA, .size = SZ_1M },
	[AREA_MIDDLE] = { .gpa = PIECES_GPA + SZ_1M, .size = SZ_4K },
	[AREA_TAIL] = { .gpa = PIECES_GPA + SZ_1M + SZ_4K,
			.size = SZ_1M - SZ_4K },
	[AREA_GIGA_HEAD] = { .gpa = GIGA_GPA, .size = SZ_2M },
	[AREA_GIGA_TAIL] = { .gpa = GIGA_GPA + SZ_2M, .size = SZ_1G - SZ_2M },
};

/* All blocks, of which the guest has none yet */
int random_add_memory(struct vtds_random *r)
{
	struct vtds_guest *guest = &r->guest;
	int rc = vtds_ram_add(guest, VTDS_RAM_SCATTERED, FIXED_GPA, FIXED_SIZE);

	rc = rc	   ?:
		     vtds_ram_add(guest, VTDS_RAM_SCATTERED, SMALL_GPA,
				  SMALL_SIZE);
	rc = rc ?: vtds_ram_add(guest, VTDS_RAM_SCATTERED, PIECES_GPA, SZ_2M);
	if (!rc && vtds_ram_add(guest, VTDS_RAM_2M, WHOLE_GPA, SZ_2M))
		rc = vtds_ram_add(guest, VTDS_RAM_SCATTERED, WHOLE_GPA, SZ_2M);
	r->model.nr_areas = NR_AREAS;
	memcpy(r->model.area, areas, sizeof(areas));
	r->can_giga = !rc && !vtds_ram_add(guest, VTDS_RAM_1G, GIGA_GPA, SZ_1G);
	return rc;
}

/* What an area mostly is. Superpages can be of read-only memory only, too. */
unsigned int random_usual(const struct vtds_random *r, unsigned int area)
{
	bool pieces = area >= AREA_HEAD && area <= AREA_TAIL;

	return area == AREA_ROM || (pieces && r->rom_pieces) ? PERM_R : PERM_RW;
}

/* The VMM gives an area to the guest that it does not have */
const char *random_give(struct vtds_random *r, unsigned int area,
			unsigned int perm)
{
	const struct model_area *a = &areas[area];
	int rc = vtds_ioas_map(&r->vmm, r->vmm.ioas,
			       vtds_hva(&r->guest, a->gpa), a->gpa, a->size,
			       perm);

	if (rc) {
		random_note(r, "area %u: %s", area, strerror(-rc));
		return "IOAS_MAP failed";
	}
	model_set_area(&r->model, area, perm);
	return NULL;
}

/* The VMM takes an area away that the guest has */
const char *random_take(struct vtds_random *r, unsigned int area)
{
	const struct model_area *a = &areas[area];

	if (vtds_ioas_unmap(&r->vmm, r->vmm.ioas, a->gpa, a->size))
		return "IOAS_UNMAP failed";
	model_set_area(&r->model, area, PERM_NONE);
	return NULL;
}
