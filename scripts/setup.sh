#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what the test bed needs on a machine with Debian 12 or 13: packages, and the
# newest linux-source-7.* of Debian 13's backports (downloaded into the cache, not
# installed). Does nothing, and needs neither root nor the network, when all of it is
# there.
#
#   setup.sh         for everything
#   setup.sh demo    for make demo: packages alone, and few
#
# REFRESH=1 looks for a newer linux-source-7.*.
#
# Sourced, it gives what installs packages and sees other suites.

# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KERNEL7_SUITE=trixie-backports
# shellcheck source=/dev/null
DEBIAN=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")

# modules, initramfs, the file system of guests
DEMO_PACKAGES=(busybox-static cpio dpkg-dev e2fsprogs gcc kmod libc6-dev libelf-dev make
	pahole python3 rsync xz-utils)
PACKAGES=(
	"${DEMO_PACKAGES[@]}"
	# kernels
	bc bison flex libssl-dev linux-source-6.12 perl
	# guests in the emulated host
	kexec-tools libaio-dev
	# style gate and documentation
	clang-format coccinelle codespell g++ gcc-multilib graphviz libpython3-dev
	libvirt-clients python3-docutils python3-sphinx shellcheck sparse
)

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "installing packages needs root: run as root or install sudo"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}

# The packages of the arguments that are not installed
missing() {
	local installed
	# dpkg-query fails if there is one that it does not know.
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
	installed=$(sed -n 's/^installed //p' <<<"$installed")
	comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# The machine's own apt entries of the Debian archive, one a line:
# URI, suite, file:entry, and the suite's code name
debian_entries() {
	# shellcheck disable=SC2016  # these are for apt to expand
	apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(SOURCESENTRY)|$(CODENAME)' \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' | sort -u
}

# signed_by FILE:ENTRY: the key that the entry names, as a sources.list option.
# An entry is a stanza in the .sources format, a line in the other.
signed_by() {
	local file=${1%:*} entry=${1##*:} keys
	case $file in
	*.sources) keys=$(awk -v RS= -v n="$entry" 'NR == n' "$file" |
		sed -n 's/^Signed-By:[[:space:]]*//Ip') ;;
	*) keys=$(sed -n "${entry}p" "$file" |
		sed -n 's/.*\[.*signed-by=\([^] ]*\).*/\1/p') ;;
	esac
	[ ! -e "$keys" ] || echo "[signed-by=$keys]"
}

# with_suite SUITE [deb-src]: sets APT_OPTIONS so that apt also sees SUITE (or its
# source packages) of the mirror that the machine itself uses, through lists of
# their own in a temporary directory. The system's own lists and sources stay as
# they are.
with_suite() {
	local dir=$LISTS/$1${2:+.src} uri release where codename
	APT_OPTIONS=(-o "Dir::Etc::SourceList=$dir.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$dir" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o Acquire::Languages=none)
	mkdir -p "$dir"
	# Most of it has been fetched already
	[ -n "${2:-}" ] || cp -r /var/lib/apt/lists/*_* "$dir" 2>/dev/null || true
	while IFS='|' read -r uri release where codename; do
		echo "deb $(signed_by "$where") $uri $release main"
		[ "$codename" != "$DEBIAN" ] ||
			echo "${2:-deb} $(signed_by "$where") $uri $1 main"
	done < <(debian_entries) >"$dir.list"
	grep -q " $1 main" "$dir.list" ||
		die "apt has no entry for Debian's archive of $DEBIAN"
	apt "${APT_OPTIONS[@]}" update || die "apt does not reach the archive: is there a network?"
}

# The machine's own suites, if apt has seen them yet
with_own_suites() { # sets APT_OPTIONS
	APT_OPTIONS=()
	[ -n "$(debian_entries)" ] || update_lists
}

# apt says nothing but "Ign" and success when no server answers.
update_lists() {
	apt update
	[ -n "$(debian_entries)" ] || die "apt does not reach Debian's archive: is there a network?"
}

install_packages() {
	update_lists
	apt install --no-install-recommends "$@"
}

# need WHAT PACKAGE...: for what only some scripts want, after main
need() {
	local what=$1 wanted
	shift
	mapfile -t wanted < <(missing "$@")
	if [ ${#wanted[@]} -gt 0 ]; then
		prepare_root
		step "install $what" install_packages "${wanted[@]}"
	fi
}

# fetch_kernel7 DIRECTORY: the package of the newest 7.x source goes there
fetch_kernel7() {
	local package
	with_suite "$KERNEL7_SUITE"
	package=$(apt-cache "${APT_OPTIONS[@]}" pkgnames linux-source-7 |
		grep -x 'linux-source-7\.[0-9]*' | sort -V | tail -n 1)
	cd "$1"
	apt "${APT_OPTIONS[@]}" download "$package"
}

# Other distributions name their packages otherwise, and no one has tried.
check_distribution() {
	local name
	[[ $DEBIAN != @(bookworm|trixie) ]] || return 0
	# shellcheck source=/dev/null
	name=$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-}")
	die "the test bed sets itself up on Debian 12 and 13, not on ${name:-this system};" \
		"make modules works wherever the kernel has IOMMUFD"
}

# What has been seen to be used, with some room
check_space() {
	local free
	free=$(($(df --output=avail -k "$CACHE" | tail -n 1) / 1024 / 1024))
	[ "$free" -ge "${SPACE:=25}" ] ||
		die "$CACHE has $free GiB free, $SPACE are needed:" \
			"set XDG_CACHE_HOME to another place"
}

prepare_root() {
	check_distribution
	check_space
	as_root true || die "installing packages needs root, and sudo refuses"
	LISTS=$(mktemp -d)
	trap 'as_root rm -rf "$LISTS"' EXIT
	chmod 755 "$LISTS"
}

main() { # [demo]
	local wanted kernel7=$CACHE/linux-source-7
	if [ "${1:-}" = demo ]; then
		SPACE=6 need "what the demo needs" "${DEMO_PACKAGES[@]}"
		return
	fi
	mapfile -t wanted < <(missing "${PACKAGES[@]}")
	[ -z "${REFRESH:-}" ] || rm -rf "$kernel7"
	if [ ${#wanted[@]} -eq 0 ] && [ -d "$kernel7" ]; then
		return
	fi
	prepare_root
	if [ ${#wanted[@]} -gt 0 ]; then
		step "install ${#wanted[@]} packages" install_packages "${wanted[@]}"
	elif [ -z "$(debian_entries)" ]; then
		step "update the package lists" update_lists
	fi
	publish "$kernel7" step "download the newest linux-source-7" fetch_kernel7
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	main "$@"
fi
