# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The patches in integration/qemu as commits in a git tree of QEMU, and back. Each release
# has a directory with the series that makes it use vtd_shadow; what repairs it as an
# emulator of hosts is a series of its own, in emulator/ there. Both are for the release as
# it was published.
#
#   series_patches RELEASE [emulator]    the files, in order
#   series_key RELEASE [emulator]        a hash of what they change in the program
#   series_begin                         make a tree of the directory, with what is in it
#   series_apply RELEASE [emulator]      git am
#   series_export DEST BRANCH            write its commits above the tag release to DEST
#   series_new_files RELEASE DEST        only what the series adds, without a source
#
# Those in the middle run in the tree. Sourced by build/qemu-source.sh, which
# qemu-series.sh and test/style.sh use, too.

QEMU_SERIES=$TOP/integration/qemu

# The same for everyone, whatever their configuration. A tree that a contributor works in is
# theirs otherwise: only what is written to it and read from it here is not.
series_git() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		git -c user.name=vtd_shadow -c user.email=vtd_shadow@localhost \
		-c core.autocrlf=false -c core.hooksPath=/dev/null -c gc.auto=0 "$@"
}

series_patches() { # RELEASE [emulator]
	compgen -G "$QEMU_SERIES/$1/${2:+$2/}*.patch" | sort
}

# Messages, documents and tests may change without a build.
series_key() { # RELEASE [emulator]
	local patches
	mapfile -t patches < <(series_patches "$@")
	awk '/^diff --git/ { code = $3 !~ /^a\/(docs|tests|scripts|MAINTAINERS)/ }
		/^From 0+ / { code = 0 }
		code && !/^index /' "${patches[@]}" | sha256sum | cut -c1-12
}

series_begin() {
	series_git init -q -b series .
	series_git add -A -f .
	series_git commit -q -m release
	series_git tag release
}

series_apply() { # RELEASE [emulator]
	local patches
	mapfile -t patches < <(series_patches "$@")
	[ ${#patches[@]} -gt 0 ] || return 0
	series_git am -q --committer-date-is-author-date "${patches[@]}"
}

# Nothing in the files comes from the tree or from this git: what did not change is written
# as it was.
series_export() { # DEST BRANCH
	local dest=$1 new
	new=$(mktemp -d)
	series_git format-patch -q -o "$new" --zero-commit --no-signature --keep-subject \
		--no-numbered --no-renames --no-color --abbrev=12 --diff-algorithm=myers --stat=72 \
		-p --unified=3 --src-prefix=a/ --dst-prefix=b/ "release..$2"
	mkdir -p "$dest"
	rm -f "$dest"/*.patch
	find "$new" -name '*.patch' -exec mv -t "$dest" {} +
	rmdir "$new"
}

# The files that patches change, of those that were there before them
series_changed() { # PATCH...
	comm -23 <(sed -n 's|^--- a/||p' "$@" | sort -u) <(series_added "$@" | sort)
}

# The files that they add
series_added() { # PATCH...
	awk '/^diff --git / { file = substr($4, 3) } /^new file mode / { print file }' "$@"
}

# What git am would leave of these
series_new_files() { # RELEASE DEST
	local patches patch only
	mapfile -t patches < <(series_patches "$1")
	mapfile -t only < <(series_added "${patches[@]}")
	mkdir -p "$2"
	for patch in "${patches[@]}"; do
		(cd "$2" && series_git apply "${only[@]/#/--include=}" "$patch")
	done
}
