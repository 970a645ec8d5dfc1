#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests what setup.sh says on machines on which it cannot work. Each is this one, seen
# otherwise: in a mount namespace of its own other files are in the place of some. For
# test/debian-test.sh, whose results these are among.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=scripts/lib/refuses.sh
source "$TOP/scripts/lib/refuses.sh"

# seen_as COMMAND SCRIPT: SCRIPT replaces files, then COMMAND runs, as a user would
seen_as() {
	unshare --mount --net bash -c "set -e; cd '$SANDBOX'; $2; exec $1"
}

# No package is installed; what setup does is up to what else there is.
BARE='mount --bind /dev/null /var/lib/dpkg/status'

no_lists() {
	echo 'mkdir lists; mount --bind lists /var/lib/apt/lists'
}

other_system() { # NAME
	echo "echo 'PRETTY_NAME=\"$1\"' >os-release
		mount --bind os-release \"\$(realpath /etc/os-release)\""
}

small_disk() {
	echo 'mkdir cache; mount -t tmpfs -o size=1G none cache; export XDG_CACHE_HOME=$PWD/cache'
}

# A user's own copy, and nobody is in the list of those who may use sudo
nobody_there() {
	echo 'mkdir copy home; cp -r "$TOP/scripts" copy; chown -R nobody copy home .
		export HOME=$PWD/home XDG_CACHE_HOME=$PWD/home/.cache'
}

main() {
	local setup="bash '$TOP/scripts/setup.sh' demo" system
	export TOP
	for system in "Ubuntu 24.04.3 LTS" "Ubuntu 26.04 LTS" "Fedora Linux 44"; do
		SANDBOX=$(mktemp -d)
		refuses "setup on $system" "not on $system" \
			seen_as "$setup" "$BARE; $(other_system "$system")"
		rm -rf "$SANDBOX"
	done
	SANDBOX=$(mktemp -d)
	refuses "setup without a network" "is there a network?" \
		seen_as "$setup" "$BARE; $(no_lists)"
	rm -rf "$SANDBOX"
	SANDBOX=$(mktemp -d)
	refuses "setup without space" "GiB free, 6 are needed" \
		seen_as "$setup" "$BARE; $(small_disk)"
	rm -rf "$SANDBOX"
	SANDBOX=$(mktemp -d)
	refuses "setup without root" "needs root" seen_as \
		"setpriv --reuid=nobody --clear-groups bash copy/scripts/setup.sh demo" \
		"$BARE; $(nobody_there)"
	rm -rf "$SANDBOX"
	summary
}

main
