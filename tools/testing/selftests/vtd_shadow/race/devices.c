// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the threads of the race test's VMM do with devices, each with one of its own.
 */
#include <errno.h>
#include <unistd.h>

#include "race.h"

static int add(struct race *race, struct vtds_dev *dev)
{
	struct vtds_unit copy = race->f.unit;

	return vtds_add_device(&copy, dev->dev_id, race->f.vmm.ioas, &dev->sid,
			       1);
}

int race_remove_and_add(struct race *race, unsigned int *seed)
{
	struct vtds_dev *dev = &race->f.dev[RACE_MOVED];
	int rc = vtds_remove_device(&race->f.unit, dev->dev_id);

	vtds_sleep_ms(race_below(seed, 3));
	return rc ?: add(race, dev);
}

/* What the kernel is busy with it says, and does not do */
int race_reset(struct race *race, unsigned int *seed)
{
	struct vtds_dev *dev = &race->f.dev[RACE_RESET];
	int rc = race_chance(seed, 50) ? vtds_dev_reset(dev) :
					 vtds_dev_hot_reset(dev);

	vtds_sleep_ms(1 + race_below(seed, 10));
	return rc == -EAGAIN || rc == -ENOTTY ? 0 : rc;
}

/* Its driver may be gone meanwhile, or be on the way: then there is nothing to open */
static int open_again(struct race *race, struct vtds_dev *dev)
{
	struct vtds_dev old = *dev;
	int rc = vtds_dev_open_at(dev, old.kind, old.bdf);

	dev->sid = old.sid;
	dev->buffer = old.buffer;
	dev->buffer_hva = old.buffer_hva;
	if (rc)
		return rc == -ENODEV || rc == -ENOENT || rc == -ENXIO ? 0 : rc;
	rc = vtds_dev_bind(dev, race->f.vmm.iommufd);
	return rc ?: add(race, dev);
}

int race_close_and_open(struct race *race, unsigned int *seed)
{
	struct vtds_dev *dev = &race->f.dev[RACE_CLOSED];
	int rc;

	pthread_rwlock_wrlock(&race->device_lock);
	vtds_dev_close(dev);
	vtds_sleep_ms(race_below(seed, 20));
	rc = open_again(race, dev);
	if (rc)
		vtds_dev_close(dev);
	pthread_rwlock_unlock(&race->device_lock);
	vtds_sleep_ms(1 + race_below(seed, 10));
	return rc;
}

/* A device to another unit of the same VMM, which is closed with it, and back */
int race_second_unit(struct race *race, unsigned int *seed)
{
	struct vtds_dev *dev = &race->f.dev[RACE_SECOND];
	const struct vtds_desc desc = iotlb_global();
	struct vtds_unit second;
	int rc = vtds_remove_device(&race->f.unit, dev->dev_id);

	rc = rc ?: vtds_unit_open(&second);
	if (rc)
		return rc;
	second.flags = VTD_SHADOW_STATE_TE;
	second.rtaddr = race->f.unit.rtaddr;
	second.ecap = race->f.unit.ecap;
	second.wide = race->f.unit.wide;
	rc = vtds_unit_bind(&second, &race->f.vmm, 0, 0);
	rc = rc ?: vtds_set_state(&second);
	rc = rc	   ?:
		     vtds_add_device(&second, dev->dev_id, race->f.vmm.ioas,
				     &dev->sid, 1);
	for (unsigned int i = race_below(seed, 8); i && !rc; i--)
		rc = vtds_flush(&second, &desc, 1);
	vtds_unit_close(&second);
	return rc ?: add(race, dev);
}

/* To wherever it leads: only memory that holds no tables is mapped there */
int race_start_dma(struct race *race, unsigned int *seed)
{
	__u64 iova = RACE_IOVA + race_below(seed, RACE_SIZE / SZ_4K) * SZ_4K;
	struct vtds_dev *dev;

	pthread_rwlock_rdlock(&race->device_lock);
	dev = &race->f.dev[race_below(seed, RACE_LOAD)];
	if (dev->bar && race_chance(seed, 50))
		vtds_edu_start_read(dev, iova);
	else if (dev->bar)
		vtds_edu_start_write(dev, iova);
	pthread_rwlock_unlock(&race->device_lock);
	vtds_sleep_ms(race_below(seed, 20));
	return 0;
}
