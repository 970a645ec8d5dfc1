# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Builds user-mode Linux with the driver in it: the newest 7.x, which runs the unit tests
# and the native benchmark on the processor itself, as an ordinary program. Sourced by
# kunit.sh and bench-native.sh, after kernel.sh.
#
#   uml_build       sets UML, the program, and UML_OPTIONS, for all that run it
#
# The tree and its objects stay in the cache: after an edit of the driver only the driver
# is compiled and linked again.

# Standard output and nothing else: there is no terminal, and no one to type. What tells
# where it runs does not go to the home directory.
# shellcheck disable=SC2034  # for who sources this
UML_OPTIONS=(con=null "con0=null,fd:1" ssl=null "uml_dir=$OUT/uml/" kunit_shutdown=halt)
UML_FRAGMENTS=("$TOP/drivers/iommu/vtd_shadow/.kunitconfig" "$KCONFIGS/config.uml")

# UML asks for -mcmodel=large, which makes every call an indirect one. Nothing of it is a
# module here, so all of it is near.
uml_make() { # DIRECTORY ARGUMENT...
	make -C "$1/linux" ARCH=um O="$1/build" KCFLAGS=-mcmodel=small -j"$(nproc)" "${@:2}"
}

uml_copy() { # DIRECTORY
	mkdir "$1/linux" "$1/build"
	cp -al "$KSRC/." "$1/linux"
}

# Anew only where the fragments changed: make compiles what depends on it.
uml_configure() { # DIRECTORY
	local config=$1/build/.config
	cat "${UML_FRAGMENTS[@]}" >"$1/fragments.new"
	! cmp -s "$1/fragments.new" "$1/fragments" || return 0
	uml_make "$1" tinyconfig
	cat "$1/fragments.new" >>"$config"
	uml_make "$1" olddefconfig
	check_config "$config" "${UML_FRAGMENTS[@]}"
	mv "$1/fragments.new" "$1/fragments"
}

uml_compile() { # DIRECTORY
	"$TOP/scripts/overlay.sh" "$1/linux"
	uml_configure "$1"
	uml_make "$1" linux
	cp --remove-destination "$1/build/linux" "$UML"
}

uml_build() { # sets UML
	local dir lock
	kernel_src 7
	dir=$CACHE/uml/${KSRC##*/}
	UML=$OUT/uml/linux
	mkdir -p "$OUT/uml"
	publish "$dir" uml_copy
	exec {lock}>>"$CACHE/lock/uml"
	flock "$lock"
	[ ! -e "$dir/unfinished" ] || rm -rf "$dir/build" "$dir/fragments"
	mkdir -p "$dir/build"
	step "build user-mode Linux ${KSRC##*/linux-}" marked "$dir/unfinished" uml_compile "$dir"
	exec {lock}>&-
	prune "$CACHE/uml/linux-" "$dir"
}
