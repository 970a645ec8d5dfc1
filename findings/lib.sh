# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# For the scripts beside this one: each shows one thing that a program of others does
# otherwise than one would guess. They install pinned packages into a temporary folder,
# run them without anything of ours, and fail if what they see is no longer so.
# Outside of make check.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

FINDINGS=$TOP/findings

# packages SUITE NAME=VERSION...: them and what they need and the machine lacks, unpacked
# into FOLDER
packages() {
	local suite=$1 deb
	prepare_root
	with_suite "$suite" >"$FOLDER/apt.log" 2>&1 || die "$(tail -n 1 "$FOLDER/apt.log")"
	mkdir -p "$FOLDER/archives/partial" "$FOLDER/root"
	apt "${APT_OPTIONS[@]}" -o "Dir::Cache::Archives=$FOLDER/archives" -t "$suite" \
		--download-only --no-install-recommends install "${@:2}" >"$FOLDER/apt.log" 2>&1 ||
		die "these packages are not to be had: ${*:2}"
	for deb in "$FOLDER"/archives/*.deb; do
		dpkg-deb -x "$deb" "$FOLDER/root"
	done
}

# The QEMU of most scripts here
qemu_10_0() { # sets QEMU
	local root=$FOLDER/root
	packages bookworm-backports 'qemu-system-x86=1:10.0.2+ds-2+deb13u1~bpo12+1'
	QEMU=$root/usr/bin/qemu-system-x86_64
	export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
	QEMU_ARGS=(-L "$root/usr/share/qemu" -L "$root/usr/share/seabios" -m 64)
	"$QEMU" --version | head -n 1
}

# registers ARG...: a machine that never runs. Standard input is a Python script that
# reads and writes its memory and the registers of its devices, see registers.py.
registers() {
	PYTHONPATH=$FINDINGS python3 - "$QEMU" "${QEMU_ARGS[@]}" "$@"
}

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"; [ -z "${LISTS:-}" ] || as_root rm -rf "$LISTS"' EXIT
