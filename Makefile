# SPDX-License-Identifier: GPL-2.0-only
#
# Front door of vtd_shadow: each target is one script. `make help` lists them.

.NOTPARALLEL:
.PHONY: help demo demo-engine check kunit check-guest bench bench-guest soak shell shell-guest modules modules-debian modules-debian-remove \
	overlay clean clean-cache

export KERNEL GUEST_KERNEL SUITE TEST REFRESH FRESH HOST SEED VERBOSE ROUNDS SHADOW VMM RELEASE \
	KEY CERT

help:
	@echo 'make demo              a device does DMA through a shadow, step by step; then a guest with'
	@echo '                       a disk: no unit, QEMU shadows, vtd_shadow does'
	@echo 'make demo-engine       only the first of the two'
	@echo 'make check             all checks and tests'
	@echo '  SUITE="kunit ..."    only these: style kunit selftest debug hosts guest modules overlay'
	@echo '  TEST=program[:test]  only this selftest, or several programs with commas'
	@echo 'make kunit             only the unit tests, at once: after each edit'
	@echo 'make bench             what mapping costs, against all other ways: table, JSON, plots'
	@echo 'make check-guest       all that real guests do with assigned devices; TEST=program,'
	@echo '                       FLAVOUR=guest-debug: the host with lockdep and KASAN'
	@echo 'make bench-guest       what real guests gain, ROUNDS=5: table, JSON, plots'
	@echo 'make soak              the random test for SECONDS (600) from SEED on; FLAVOUR=plain|debug'
	@echo 'make shell             a shell in the emulated host, modules loaded'
	@echo 'make shell-guest       the same with what starts guests in it'
	@echo '  KERNEL=6.12|7        the kernel for these: 6.12 LTS (default) or the newest 7.x'
	@echo '  GUEST_KERNEL=6.12|7  the kernel of guests, if not the same'
	@echo '  VMM=10.0             what runs guests: QEMU 10.0, not the one that emulates the host'
	@echo '  HOST=intel|...       the emulated IOMMU: intel (default), intel-sm, intel-fs,'
	@echo '                       virtio, amd'
	@echo 'make modules KDIR=...  build the modules for a prepared kernel (6.12 or newer)'
	@echo 'make modules-debian    build and install them on a kernel of Debian without IOMMUFD;'
	@echo '                       modules-debian-remove: the stock modules are back'
	@echo 'make overlay KSRC=...  lay the driver into a kernel source tree'
	@echo 'make clean             remove what was built here'
	@echo 'make clean-cache       remove kernels and all else in the cache'
	@echo
	@echo 'The first ten set up what they need on Debian 12 (packages, kernels) and cache'
	@echo 'it in $${XDG_CACHE_HOME:-~/.cache}/vtd_shadow. REFRESH=1 looks for a newer 7.x.'

demo: demo-engine
	@bash scripts/guest.sh demo $(KERNEL)

demo-engine:
	@bash scripts/setup.sh
	@bash scripts/bed.sh demo $(KERNEL)

check:
	@bash scripts/check.sh

kunit:
	@bash scripts/setup.sh
	@bash scripts/bed.sh kunit $(KERNEL)

check-guest:
	@bash scripts/setup.sh
	@bash scripts/guest.sh guest '$(KERNEL)' '$(FLAVOUR)'

bench-guest:
	@bash scripts/bench-guest.sh $(KERNEL)

bench:
	@bash scripts/bench.sh $(KERNEL)

soak:
	@bash scripts/setup.sh
	@DURATION='$(SECONDS)' bash scripts/bed.sh soak '$(KERNEL)' '$(FLAVOUR)'

shell:
	@bash scripts/setup.sh
	@bash scripts/bed.sh shell $(KERNEL)

shell-guest:
	@bash scripts/setup.sh
	@bash scripts/guest.sh shell $(KERNEL)

modules:
	@bash scripts/modules.sh '$(KDIR)'

modules-debian:
	@bash scripts/debian/modules.sh install

modules-debian-remove:
	@bash scripts/debian/modules.sh remove

overlay:
	@bash scripts/overlay.sh '$(KSRC)'

clean:
	@rm -rf out

clean-cache:
	@rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/vtd_shadow"
