# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Builds our modules out of tree, on a copy of the sources. Sourced by modules.sh and
# modules-debian.sh, which leave them to the user, by whatever boots them, and by
# test/style.sh.
#
#   check_kernel KDIR               fails, with the reason, if they cannot be built for it
#   modules_build KDIR              in the cache; sets MODULES
#   copy_modules DIRECTORY          their sources
#   make_modules KDIR DIRECTORY [OPTION...]     there
#   work_tree NAME COMMAND...       a copy of the sources that stays

MODULE_DIR=drivers/iommu/vtd_shadow
MODULE_SOURCES=("$TOP/$MODULE_DIR" "$TOP/include")
NEEDED=(IOMMUFD VFIO_DEVICE_CDEV VFIO_PCI)

# Says in one line why the modules cannot be built against KDIR.
check_kernel() { # KDIR
	local release option lacking=()
	[ -e "$1/include/config/auto.conf" ] || die "$1 is not a prepared kernel build directory"
	release=$(<"$1/include/config/kernel.release")
	printf '6.12\n%s\n' "${release%%-*}" | sort -VC ||
		die "$1 is Linux $release, which is older than 6.12"
	for option in "${NEEDED[@]}"; do
		grep -q "^CONFIG_$option=" "$1/include/config/auto.conf" ||
			lacking+=("CONFIG_$option")
	done
	[ ${#lacking[@]} -eq 0 ] || die "$1 (Linux $release) lacks ${lacking[*]}:" \
		"enable them, or on Debian's kernel: make modules-debian"
}

# The repository's layout is kept: the modules find the uapi header by it.
copy_modules() { # DIRECTORY
	mkdir -p "$1/$(dirname "$MODULE_DIR")"
	cp -r "$TOP/include" "$1/include"
	cp -r "$TOP/$MODULE_DIR" "$1/$MODULE_DIR"
}

# What a build leaves beside the sources
PRODUCTS=('*.o' '*.ko' '*.mod' '*.mod.c' '.*.cmd' modules.order Module.symvers)

# work_tree NAME COMMAND...: COMMAND in a copy of the sources that stays, with its
# objects, as its last argument: after an edit make builds what depends on it. A tree
# in which COMMAND was killed may have half an object, and is not used again.
work_tree() {
	local name=$1 tree=$CACHE/trees/$1 lock status
	shift
	exec {lock}>>"$CACHE/lock/tree-$name"
	flock "$lock"
	[ ! -e "$tree/unfinished" ] || rm -rf "$tree"
	mkdir -p "$tree"
	touch "$tree" "$tree/unfinished"
	rsync -rc --delete "${PRODUCTS[@]/#/--exclude=}" "$TOP/drivers" "$TOP/include" "$tree"
	set +e
	(
		set -e
		"$@" "$tree"
	)
	status=$?
	set -e
	rm -f "$tree/unfinished"
	exec {lock}>&-
	prune "$CACHE/trees/" "$tree"
	return "$status"
}

make_modules() { # KDIR DIRECTORY [OPTION...]
	# Messages name the files as the repository does.
	local options=("KCFLAGS=-fmacro-prefix-map=$2/=" "${@:3}")
	# A kernel that was prepared but not built knows no exported symbols.
	[ -e "$1/Module.symvers" ] || options+=(KBUILD_MODPOST_WARN=1)
	make -C "$1" M="$2/$MODULE_DIR" -j"$(nproc)" "${options[@]}" modules
}

# copy_built TREE DIRECTORY: what was built, no more; 6.12 lists it with its directory
copy_built() {
	local name
	mkdir -p "$2/$MODULE_DIR"
	while read -r name; do
		cp "$1/$MODULE_DIR/$(basename "$name" .o).ko" "$2/$MODULE_DIR"
	done <"$1/$MODULE_DIR/modules.order"
}

# The modules that tests run are built without a warning, and fail on request where the
# kernel can.
test_options() { # KDIR
	echo W=1e
	! grep -q '^CONFIG_FAULT_INJECTION_DEBUG_FS=y' "$1/include/config/auto.conf" ||
		echo CONFIG_VTD_SHADOW_FAULT_INJECTION=y
}

cached_modules() { # KEY KDIR DIRECTORY TREE
	unchanged "$1" "${MODULE_SOURCES[@]}"
	# shellcheck disable=SC2046  # a list of words
	make_modules "$2" "$4" $(test_options "$2")
	copy_built "$4" "$3"
}

build_cached() { # KEY KDIR DIRECTORY
	work_tree "${2##*/}" cached_modules "$@"
}

modules_build() { # KDIR: sets MODULES, the directory of the built modules
	local base hash
	check_kernel "$1"
	hash=$(key "${MODULE_SOURCES[@]}")
	base=$CACHE/modules/${1##*/}
	MODULES=$base-$hash
	publish "$MODULES" step "build modules for ${1##*/}" build_cached "$hash" "$1"
	prune "$base-" "$MODULES"
	MODULES=$MODULES/$MODULE_DIR
}
