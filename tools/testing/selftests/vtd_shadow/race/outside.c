// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others do to a VMM of the race test: the modules that it uses are to be unloaded,
 * which must be refused, and the driver of one of its devices is unbound, which comes to
 * its end when the VMM closes the device.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "race.h"

#define DRIVER "/sys/bus/pci/drivers/vtd_shadow_vfio_pci"

static bool is_bound(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DRIVER "/%s", bdf);
	return !access(path, F_OK);
}

/* Modules stay loaded since something uses them: what this holds, if nothing else does */
int race_outside_open(struct race_outside *outside)
{
	int last = vtds_dev_count(VTDS_EDU) - 1, rc;

	*outside = (struct race_outside){};
	outside->unit.fd = -1;
	outside->kept.fd = -1;
	if (last <= RACE_LOAD)
		return -ENODEV;
	rc = vtds_vmm_open(&outside->vmm);
	rc = rc ?: vtds_unit_open(&outside->unit);
	rc = rc ?: vtds_dev_open(&outside->kept, VTDS_EDU, last);
	return rc ?: vtds_dev_bind(&outside->kept, outside->vmm.iommufd);
}

void race_outside_close(struct race_outside *outside)
{
	vtds_dev_close(&outside->kept);
	vtds_unit_close(&outside->unit);
	vtds_vmm_close(&outside->vmm);
}

static bool stops(struct race_outside *outside)
{
	return __atomic_load_n(&outside->stop, __ATOMIC_ACQUIRE);
}

static void *unload_often(void *arg)
{
	static const char *const names[] = { "vtd_shadow_vfio_pci",
					     "vtd_shadow", "iommufd" };
	struct race_outside *outside = arg;

	for (unsigned int i = 0; !stops(outside); i++) {
		if (!syscall(SYS_delete_module, names[i % ARRAY_SIZE(names)],
			     O_NONBLOCK))
			outside->wrong = "a module goes that is in use";
		outside->unloads++;
		vtds_sleep_ms(3);
	}
	return NULL;
}

/* Each time as soon as the driver is bound again. unbind waits for the VMM. */
static void *unbind_often(void *arg)
{
	struct race_outside *outside = arg;

	while (!stops(outside)) {
		vtds_write_file(DRIVER "/unbind", outside->bdf);
		vtds_write_file("/sys/bus/pci/drivers_probe", outside->bdf);
		outside->unbinds++;
		vtds_sleep_ms(50);
	}
	return NULL;
}

int race_outside_start(struct race_outside *outside)
{
	struct vtds_dev dev;
	int rc = vtds_dev_open(&dev, VTDS_EDU, RACE_CLOSED);

	if (rc)
		return rc;
	memcpy(outside->bdf, dev.bdf, sizeof(outside->bdf));
	vtds_dev_close(&dev);
	outside->stop = false;
	if (pthread_create(&outside->thread[0], NULL, unload_often, outside))
		return -errno;
	if (pthread_create(&outside->thread[1], NULL, unbind_often, outside))
		return -errno;
	return 0;
}

/* The VMM is no more, so unbind does not wait. Returns what went wrong, or NULL. */
const char *race_outside_stop(struct race_outside *outside)
{
	__atomic_store_n(&outside->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(outside->thread[i], NULL);
	if (!is_bound(outside->bdf))
		return "the driver does not come back to a device";
	return outside->wrong;
}
