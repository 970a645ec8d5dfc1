# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Helpers for the scripts in this folder. Each script shows one thing that a program of
# others does otherwise than one would guess: it installs pinned packages into a
# temporary folder, runs them without anything of ours, and fails if the behaviour has
# changed. make check does not run these scripts.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

FINDINGS=$TOP/findings

# packages SUITE NAME=VERSION...: unpack these packages, installed here or not, and those
# that they need and the machine lacks, into FOLDER
packages() {
	local suite=$1 deb
	prepare_root
	with_suite "$suite" >"$FOLDER/apt.log" 2>&1 || die "$(tail -n 1 "$FOLDER/apt.log")"
	mkdir -p "$FOLDER/archives/partial" "$FOLDER/root"
	apt "${APT_OPTIONS[@]}" -o "Dir::Cache::Archives=$FOLDER/archives" -t "$suite" \
		--download-only --reinstall --no-install-recommends install "${@:2}" \
		>"$FOLDER/apt.log" 2>&1 ||
		die "these packages are not to be had: ${*:2}"
	for deb in "$FOLDER"/archives/*.deb; do
		dpkg-deb -x "$deb" "$FOLDER/root"
	done
}

# The QEMU that most of the scripts run
qemu_10_0() { # sets QEMU
	local root=$FOLDER/root
	packages bookworm-backports 'qemu-system-x86=1:10.0.2+ds-2+deb13u1~bpo12+1'
	QEMU=$root/usr/bin/qemu-system-x86_64
	export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
	QEMU_ARGS=(-L "$root/usr/share/qemu" -L "$root/usr/share/seabios" -m 64)
	"$QEMU" --version | head -n 1
}

# registers ARG...: start a machine that never runs. Standard input is a Python script
# that reads and writes memory and device registers of that machine, see registers.py.
registers() {
	PYTHONPATH=$FINDINGS python3 - "$QEMU" "${QEMU_ARGS[@]}" "$@"
}

clean_up() {
	rm -rf "$FOLDER"
	[ -z "${LISTS:-}" ] || as_root rm -rf "$LISTS"
}

FOLDER=$(mktemp -d)
trap clean_up EXIT
