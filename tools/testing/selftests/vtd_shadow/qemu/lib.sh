# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What every init of an emulated host does: mounts, modules, results, a look for leaks,
# the verdict. Source it.

KMEMLEAK=/sys/kernel/debug/kmemleak
KCSAN=/sys/kernel/debug/kcsan
FAILURES=/tmp/failures
# Of checks: how many there were, and what the last one said
NR_CHECKS=0 SAID=/tmp/said

failure() {
	echo "vtd_shadow: $*"
	echo "$*" >>$FAILURES
}

# What else there is to see of a check that failed
explain() { :; }

check() { # NAME COMMAND...
	local name=$1 result=ok
	shift
	NR_CHECKS=$((NR_CHECKS + 1))
	"$@" >$SAID 2>&1 || result='not ok'
	if [ "$result" != ok ]; then
		sed 's/^/# /' $SAID
		explain
	fi
	echo "$result $NR_CHECKS - $name"
}

# says WORDS COMMAND...: prints what the command says, which has WORDS. Sets ENDED to its
# status, and leaves what was said in /tmp/words.
says() {
	local words=$1
	shift
	ENDED=0
	"$@" >/tmp/words 2>&1 || ENDED=$?
	cat /tmp/words
	grep -q "$words" /tmp/words
}

# The same, and it fails
refuses() { says "$@" && [ "$ENDED" -ne 0 ]; }

# The same, and it succeeds
answers() { says "$@" && [ "$ENDED" -eq 0 ]; }

# The addresses of the host's devices of a kind
devices() { # VENDOR:DEVICE
	local dev
	for dev in /sys/bus/pci/devices/*; do
		[ "$(cat "$dev/vendor"):$(cat "$dev/device")" != "$1" ] || echo "${dev##*/}"
	done
}

mount_all() {
	/bin/busybox --install -s /bin
	mount -t proc none /proc
	mount -t sysfs none /sys
	mount -t debugfs none /sys/kernel/debug
	# The kernel that looks for data races waits to be told
	[ ! -e $KCSAN ] || echo on >$KCSAN
	mount -t tmpfs none /tmp
	grep -q devtmpfs /proc/mounts || mount -t devtmpfs none /dev
	mkdir -p /dev/shm
	mount -t tmpfs none /dev/shm
	: >$FAILURES
	load_list first
}

# The device file of a virtio port. A driver that is a module tells of its ports when it
# has asked for them.
port() {
	local dir tries=50
	until grep -qsx "vtd_shadow.$1" /sys/class/virtio-ports/*/name; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return
		sleep 0.1
	done
	for dir in /sys/class/virtio-ports/*; do
		if [ "$(cat "$dir/name")" = "vtd_shadow.$1" ]; then
			echo "/dev/${dir##*/}"
		fi
	done
}

# The parameters of a module on the kernel's command line: module.name=value
parameters() {
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1\.//p"
}

load_list() { # FILE
	local name
	while read -r name; do
		# shellcheck disable=SC2046  # one word for each
		insmod "/modules/$name.ko" $(parameters "$name") ||
			failure "$name does not load"
	done <"/modules/$1"
}

# Everything but the unit tests, which run when their module is loaded
load_modules() { load_list order; }

bind() { # DIRECTORY DRIVER
	echo "$2" >"$1/driver_override"
	echo "${1##*/}" >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink "$1/driver")")" = "$2" ] ||
		failure "${1##*/} does not bind to $2"
}

# Whether VTD_WHICH asks for a program: it names some, or after a ! those to leave out.
# Sets VARIANT if only that of the program is wanted.
wanted() {
	local which=,${VTD_WHICH%%:*},
	VARIANT=
	case $which in
	,,) ;;
	,!*)
		case ",${which#,!}" in
		*",$1,"*) return 1 ;;
		esac
		;;
	*",$1,"*) ;;
	*",$1/"*)
		VARIANT=${which#*",$1/"}
		VARIANT=${VARIANT%%,*}
		;;
	*) return 1 ;;
	esac
}

# run NAME COMMAND...: its output to the results and to the console
run() {
	local name=$1
	shift
	{
		echo "# begin $name"
		"$@" 2>&1
		echo "# end $name $?"
	} | tee "$TAP"
}

# Nothing may hold on to any module once the tests are over: ours must go at the
# first try, then those that they stand on, the ones without a user first. What the
# machine itself needs stays.
unload_modules() {
	local name users progress=yes
	for name in $(lsmod | awk '$1 ~ /_kunit$/ { print $1 }') vtd_shadow_vfio_pci vtd_shadow; do
		rmmod "$name" || failure "$name does not unload"
	done
	while [ "$progress" ]; do
		progress=
		while read -r name _ users _; do
			[ "$users" -ne 0 ] || grep -qx "$name" /modules/first ||
				! rmmod "$name" || progress=yes
		done </proc/modules
	done
	while read -r name _ users _; do
		grep -qx "$name" /modules/first || failure "$name still has $users users"
	done </proc/modules
}

vmstat() { awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat; }

check_leaks() {
	local dir pinned
	echo 1 >/proc/sys/vm/stat_refresh
	pinned=$(($(vmstat nr_foll_pin_acquired) - $(vmstat nr_foll_pin_released)))
	[ $pinned -eq 0 ] || failure "$pinned pages are still pinned"
	for dir in /sys/kernel/mm/hugepages/*; do
		[ "$(cat "$dir/free_hugepages")" = "$(cat "$dir/nr_hugepages")" ] ||
			failure "${dir##*/} are still in use"
	done
	[ -e $KMEMLEAK ] || return
	# An object counts once it is 5 seconds old and two scans agree.
	sleep 6
	echo scan >$KMEMLEAK
	echo scan >$KMEMLEAK
	cat $KMEMLEAK
	[ -z "$(head -n 1 $KMEMLEAK)" ] || failure "kmemleak reports leaked memory"
}

# Data races are in the log, unless nobody looked for them
check_races() {
	[ -e $KCSAN ] || return 0
	grep watchpoints $KCSAN
	! grep -q '^setup_watchpoints: 0$' $KCSAN || failure "KCSAN watched nothing"
}

verdict() {
	if [ -s $FAILURES ]; then
		cat $FAILURES
	else
		echo pass
	fi >"$(port verdict)"
}
