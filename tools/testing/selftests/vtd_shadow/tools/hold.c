// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM that stays, as operators have it: its devices are in a shadow, and do DMA through it
 * whenever a line comes on standard input, until that ends.
 *
 *	vtd_shadow_hold
 *
 * Says "ready" once, "reached" for each line, and "ended". Exit status 1, with the reason,
 * if a device did not reach what it should, or the VMM did not get what it needs. Serves
 * qemu/operate-init; calls the library.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vtds_fixture.h"

static int serve(struct vtds_fixture *f)
{
	const unsigned int all = (1u << f->nr_devs) - 1;
	char line[16];

	while (fgets(line, sizeof(line), stdin)) {
		if (vtds_reach_buffers(f->dev, f->nr_devs) != all) {
			fprintf(stderr, "a device did not reach its buffer\n");
			return 1;
		}
		puts("reached");
	}
	return 0;
}

int main(void)
{
	const struct vtds_config config = {
		.edu = 1,
		.nvme = vtds_dev_count(VTDS_NVME),
	};
	struct vtds_fixture f;
	int rc = vtds_fixture_open(&f, &config);

	setlinebuf(stdout);
	if (rc) {
		/* The host's trouble with what the tables ask for */
		if (rc == -EBADMSG)
			rc = -(int)f.unit.install_errno;
		fprintf(stderr, "no unit with devices: %s\n", strerror(-rc));
		return 1;
	}
	puts("ready");
	rc = serve(&f);
	vtds_fixture_close(&f);
	puts("ended");
	return rc;
}
