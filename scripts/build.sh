#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes sure that something expensive is in the cache, and tells where it is.
#
#   build.sh kernel VERSION [FLAVOUR]   a test kernel, see build/kernel.sh
#   build.sh qemu                       what emulates the host, see build/qemu.sh
#   build.sh uml                        user-mode Linux with the driver, see build/uml.sh
#   build.sh emulator                   any build that emulates the same
#   build.sh vmm                        what runs guests, see build/vmm.sh

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/uml.sh
source "$TOP/scripts/build/uml.sh"
# shellcheck source=scripts/build/vmm.sh
source "$TOP/scripts/build/vmm.sh"

main() { # WHAT...
	case ${1:-}:${2:-} in
	kernel:?*)
		kernel_build "$2" "${3:-plain}"
		say "kernel $2 ${3:-plain} is in $KDIR"
		;;
	uml:)
		uml_build
		say "user-mode Linux is $UML"
		;;
	qemu:)
		qemu_build
		say "QEMU is $QEMU"
		;;
	emulator:)
		qemu_emulator
		say "QEMU is $QEMU"
		;;
	vmm:)
		vmm_build
		say "the VMM is $VMM_PROGRAM"
		;;
	*) die "usage: build.sh kernel VERSION [FLAVOUR], uml, qemu, emulator or vmm" ;;
	esac
}

main "$@"
