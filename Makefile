# SPDX-License-Identifier: GPL-2.0-only
#
# Front door of vtd_shadow: each target runs one script. `make help` lists the important
# ones, `make help-all` all.

.NOTPARALLEL:
.PHONY: help help-all demo demo-engine check kunit fuzz check-guest bench bench-native bench-guest soak shell \
	shell-guest modules modules-debian modules-debian-remove install uninstall deb rpm \
	overlay qemu-import qemu-export docs docs-pdf patches calls clean clean-cache

export KERNEL GUEST_KERNEL SUITE TEST REFRESH FRESH HOST SEED VERBOSE ROUNDS ONLY GUEST SHADOW VMM RELEASE \
	KEY CERT VERSION

help:
	@echo 'make demo              see it work: a device behind a shadow, then a guest with a disk'
	@echo 'make check             run all checks and tests; SUITE="kunit ..." runs some of them'
	@echo 'make kunit             run the unit tests alone, in seconds: after each edit'
	@echo 'make modules KDIR=...  build the modules for a kernel with IOMMUFD (6.12 or newer)'
	@echo 'make modules-debian    build and install them on a kernel of Debian, without IOMMUFD'
	@echo 'make bench-guest       measure what real guests gain: table, JSON, plots'
	@echo
	@echo 'make help-all          list the rest'

help-all: help
	@echo
	@echo 'make demo-engine       run the first half of the demo'
	@echo 'make check             suites: style kunit selftest debug hosts guest debian operate'
	@echo '                       functional fuzz modules package overlay patches; only if named:'
	@echo '                       faults load races libvirt bare kernels, and qemu: each patch for'
	@echo '                       QEMU builds'
	@echo '  SECONDS=180          for each program of races; FLAVOUR=debug|kcsan'
	@echo '  TEST=program[:test]  run only this selftest, or several programs with commas, each'
	@echo '                       as program or program/variant'
	@echo 'make check-guest       test real guests with assigned devices; TEST=program;'
	@echo '                       FLAVOUR=guest-debug: the host with lockdep and KASAN'
	@echo 'make kunit             natively, in user-mode Linux with the newest 7.x; KERNEL=6.12 or'
	@echo '                       HOST=intel: in the emulated host'
	@echo 'make fuzz              fuzz the engine, as a program, for SECONDS (600); COVER=1: tell'
	@echo '                       which lines are reached; BUGS=1: find bugs put in on purpose;'
	@echo '                       CORPUS=1: keep what is new'
	@echo 'make bench-native      measure the engine on this processor against the least that it'
	@echo '                       could cost: table, JSON, plots. ONLY=map,remap GUEST=2g,64g:'
	@echo '                       these figures alone, in seconds'
	@echo 'make bench             measure mapping against all other ways: table, JSON, plots'
	@echo 'make soak              run the random test for SECONDS (600) from SEED on;'
	@echo '                       FLAVOUR=plain|debug'
	@echo 'make shell             open a shell in the emulated host, modules loaded'
	@echo 'make shell-guest       open a shell in a host that can start guests'
	@echo '  KERNEL=6.12|7        the kernel for these: 6.12 LTS (default), the newest 7.x, or'
	@echo '                       debian, as it ships (default of the demo)'
	@echo '  GUEST_KERNEL=6.12|7  the kernel of guests, if not KERNEL'
	@echo '  VMM=10.0             run guests on QEMU 10.0, not on the one that emulates the host'
	@echo '  VMM=PATH             run guests on this qemu-system-x86_64'
	@echo '  HOST=intel|...       the emulated IOMMU: intel (default), intel-sm, intel-fs,'
	@echo '                       virtio, amd'
	@echo '  ROUNDS=5             rounds of a benchmark'
	@echo 'make modules-debian-remove'
	@echo '                       restore the stock modules. For both: RELEASE=... names another'
	@echo '                       kernel, KEY= and CERT= sign the modules'
	@echo 'make install           build and install modules, tools, manual pages, udev rule and group,'
	@echo '                       for the kernel RELEASE (the running one); make uninstall'
	@echo 'make deb               build packages of Debian in out/packages, VERSION=0.1; make rpm'
	@echo 'make overlay KSRC=...  lay driver, tests and documents into a kernel source tree'
	@echo 'make qemu-import DIR=... VMM=10.2'
	@echo '                       make a git tree of this QEMU with the patches as commits'
	@echo 'make qemu-export DIR=... VMM=10.2'
	@echo '                       write the commits of such a tree to integration/qemu'
	@echo 'make patches           write the driver as a series of patches for the newest kernel'
	@echo 'make docs              the documents as HTML; make docs-pdf: as PDF'
	@echo 'make calls             draw which file of the driver calls which'
	@echo 'make clean             remove what was built here'
	@echo 'make clean-cache       remove kernels and everything else in the cache'
	@echo
	@echo 'Commands that use the test bed set up what they need on Debian 12 or 13 (packages,'
	@echo 'kernels, QEMU) and keep it in $${XDG_CACHE_HOME:-~/.cache}/vtd_shadow. REFRESH=1 looks'
	@echo 'for a newer kernel.'

demo:
	@bash scripts/demo.sh

demo-engine:
	@bash scripts/demo.sh engine

check:
	@DURATION='$(SECONDS)' bash scripts/check.sh

kunit:
	@bash scripts/setup.sh
	@bash scripts/kunit.sh

fuzz:
	@bash scripts/setup.sh
	@SECONDS_WANTED='$(SECONDS)' bash scripts/fuzz.sh \
		$(if $(BUGS),bugs,$(if $(COVER),cover,$(if $(CORPUS),corpus,run)))

check-guest:
	@bash scripts/setup.sh
	@bash scripts/guest.sh guest '$(KERNEL)' '$(FLAVOUR)'

bench-guest:
	@bash scripts/bench-guest.sh $(KERNEL)

bench:
	@bash scripts/bench.sh $(KERNEL)

bench-native:
	@bash scripts/bench-native.sh

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
	@bash scripts/modules-debian.sh install

modules-debian-remove:
	@bash scripts/modules-debian.sh remove

install:
	@bash scripts/install.sh install

uninstall:
	@bash scripts/install.sh remove

deb:
	@bash scripts/package.sh deb

rpm:
	@bash scripts/package.sh rpm

overlay:
	@bash scripts/overlay.sh '$(KSRC)'

qemu-import qemu-export:
	@bash scripts/qemu-series.sh $(@:qemu-%=%) '$(or $(VMM),10.2)' '$(DIR)'

patches:
	@bash scripts/setup.sh
	@bash scripts/patches.sh

docs:
	@bash scripts/setup.sh
	@bash scripts/docs.sh

docs-pdf:
	@bash scripts/setup.sh
	@bash scripts/docs.sh pdf

calls:
	@bash scripts/setup.sh
	@python3 scripts/calls.py
	@mkdir -p out
	@python3 scripts/calls.py --dot | dot -Tsvg -o out/calls.svg
	@echo 'picture: out/calls.svg'

clean:
	@rm -rf out

clean-cache:
	@rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/vtd_shadow"
