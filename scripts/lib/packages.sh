# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Installs packages of Debian, and sees suites that the machine does not use itself.
# Sourced by setup.sh, by what needs packages that only some want, and by the scripts in
# findings/.
#
#   missing PACKAGE...            those that are not installed
#   need WHAT PACKAGE...          installs them unless they are there
#   prepare_root                  before the first of these:
#   with_suite SUITE [deb-src]    APT_OPTIONS to see another suite
#   with_own_suites               APT_OPTIONS for those of the machine

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# shellcheck source=/dev/null
DEBIAN=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")

# modules, initramfs, the file system of guests
# shellcheck disable=SC2034  # for who sources this
DEMO_PACKAGES=(busybox-static cpio dpkg-dev e2fsprogs gcc kmod libc6-dev libelf-dev make
	pahole python3 rsync xz-utils)

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

# need WHAT PACKAGE...: for what only some scripts want, after setup.sh
need() {
	local what=$1 wanted
	shift
	mapfile -t wanted < <(missing "$@")
	if [ ${#wanted[@]} -gt 0 ]; then
		prepare_root
		step "install $what" install_packages "${wanted[@]}"
	fi
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
