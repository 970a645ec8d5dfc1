#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests vtd_shadow_stat against a copy of debugfs that is written here: numbers as JSON and
# as text, options, errors, the live view as a terminal has it (in tmux), the manual page. On
# a kernel stat_test of the selftests does that.
#
#   stat-test.sh [DIRECTORY]   builds in DIRECTORY, else in one that goes again

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=${1:-$(mktemp -d)}
DEBUGFS=$WORK/debugfs
STAT=$WORK/vtd_shadow_stat
SOCKET=stat-test-$$

finish() {
	[ -z "${WRITER:-}" ] || kill "$WRITER" 2>/dev/null || true
	tmux -L "$SOCKET" kill-server 2>/dev/null || true
	[ "$WORK" = "${1:-}" ] || rm -rf "$WORK"
}

die() {
	echo "stat-test: $*" >&2
	exit 1
}

# lines NAME VALUE...
lines() { printf '%s %s\n' "$@"; }

# put NUMBER: what the kernel would show of a unit, all at once
put() {
	mkdir -p "$DEBUGFS/vtd_shadow/$1"
	cat >"$DEBUGFS/new"
	mv "$DEBUGFS/new" "$DEBUGFS/vtd_shadow/$1/stats"
}

# A unit with two devices and two domains, which has mapped so many leaves
record() { # MAPPED
	put 2 <<-END
		$(lines unit 2 pid 4711 comm 'qemu "one" \x1b' translation 1 rtaddr 0x1000 \
			devices 2 domains 2 nodes 300 host_tables 6 max_nodes 1024 pages 512 \
			max_pages 2048 pinned_pages 1024 descriptors 40 syncs 30 \
			leaves_mapped "$1" leaves_unmapped 5 iotlb_syncs 3 early_returns 1 \
			events 7 events_waiting 2 events_lost 1 install_failures 4 retries 0 \
			big 18446744073709551615)
		$(lines device 1 name 0000:01:00.0 source_id 0x100 source_id 0x108 \
			attachment shadow fault_reason 0 error 0 conflict 0 shadow_id 1 \
			pasids 0 attaches 1)
		$(lines device 2 name 0000:02:00.0 source_id 0x200 attachment blocked \
			fault_reason 0x2 error 0 conflict 0 shadow_id 0 pasids 0 attaches 2)
		$(lines domain 1 root 0x1003000 users 1 pages 12 syncs 10 entries_changed 20 \
			leaves_mapped 20 leaves_unmapped 5 install_failures 4)
		$(lines domain 9 root 0x1009000 users 1 pages 500 syncs 20 entries_changed 30 \
			leaves_mapped $(($1 - 20)) leaves_unmapped 0 install_failures 0)
	END
}

# As if 1000 leaves were mapped each second from now on
record_on() {
	local begin=${EPOCHREALTIME/./}
	while sleep 0.02; do
		record $((100 + (${EPOCHREALTIME/./} - begin) / 1000))
	done
}

json() { "$STAT" --once --json --debugfs="$DEBUGFS" "$@"; }

test_json() {
	json | python3 -c '
import json, sys
lines = sys.stdin.read().splitlines()
assert len(lines) == 1, lines
one, other = json.loads(lines[0])["units"]
assert (one["unit"], other["unit"]) == (2, 10), "not by number"
assert one["comm"] == "qemu \"one\" \\x1b", one["comm"]
assert one["rtaddr"] == "0x1000" and one["leaves_mapped"] == 100
assert one["big"] == 2 ** 64 - 1, "a name that is not known, and a large number"
first, second = one["device"]
assert first["source_ids"] == ["0x100", "0x108"] and first["name"] == "0000:01:00.0"
assert second["attachment"] == "blocked" and second["fault_reason"] == "0x2"
assert [domain["domain"] for domain in one["domain"]] == [1, 9]
assert one["domain"][1]["leaves_mapped"] == 80
assert other["device"] == [] and other["domain"] == [] and other["pid"] == 42'
	[ "$(json --pid=42 | grep -o '"unit":[0-9]*')" = '"unit":10' ] || die "--pid shows others"
	json --pid=43 | grep -q '"units":\[\]' || die "--pid of nobody shows somebody"
	[ "$("$STAT" -j -n 3 -d 0.1 --debugfs="$DEBUGFS" | wc -l)" -eq 3 ] ||
		die "not three samples"
}

# A line of --once, with one blank between words
line() { "$STAT" --once --debugfs="$DEBUGFS" | tr -s ' ' | sed 's/^ //' | grep -m 1 "$1"; }

expect() { # WHAT LINE
	[ "$1" = "$2" ] || die "expected '$1', got '$2'"
}

test_text() {
	expect '2 4711 qemu "one" \x1b 2 2 2.0 4.0 29 25 40 30 100 5 3 1' "$(line '^2 4711')"
	expect '2 7 7 2 1 4 0' "$(line '^2 7 7')"
	expect '2 9 0x1009000 1 2.0 20 30 80 0 0' "$(line '0x1009000')"
	expect '2 0000:01:00.0 0x100 shadow 1 0 1 -' "$(line '0000:01')"
	expect '2 0000:02:00.0 0x200 blocked 0 0 2 fault reason 0x2' "$(line '0000:02')"
}

status() { # STATUS COMMAND...: it ends so, and says something about it
	local status=0 said
	said=$("${@:2}" 2>&1 </dev/null) || status=$?
	[ "$status" -eq "$1" ] || die "${*:2}: status $status, not $1"
	[ -n "$said" ] || die "${*:2}: says nothing"
}

test_errors() {
	status 0 "$STAT" --help
	status 1 "$STAT" --once --debugfs="$WORK/none"
	status 1 env TERM=none "$STAT" --debugfs="$DEBUGFS"
	status 2 "$STAT" --pid=0
	status 2 "$STAT" --delay=nan
	status 2 "$STAT" --once more
	# What is no unit, and a unit that has gone
	mkdir -p "$DEBUGFS/vtd_shadow/other" "$DEBUGFS/vtd_shadow/77"
	status 0 "$STAT" --once --debugfs="$DEBUGFS"
	rmdir "$DEBUGFS/vtd_shadow/other" "$DEBUGFS/vtd_shadow/77"
}

in_tmux() { tmux -L "$SOCKET" "$@"; }

screen() { in_tmux capture-pane -p -t 0; }

# wait_screen WHAT PATTERN: the screen has it, within a minute
wait_screen() {
	local tries=600
	until screen | grep -qE "$2"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || {
			screen
			die "the screen does not show $1"
		}
		sleep 0.1
	done
}

# Whatever the samples are apart, the rate is what it is: between 900 and 1100
RATE='(9[0-9][0-9]|10[0-9][0-9])'

test_live() {
	in_tmux -f /dev/null new-session -d -x 150 -y 40 \
		"$STAT --delay=2 --debugfs=$DEBUGFS; echo status \$?; sleep 60"
	wait_screen "totals" '^vtd_shadow_stat: 2 units, .*, by changes'
	wait_screen "memory and limits" '4711 qemu .* 2 +2 +2.0 +4.0 +29 +25 '
	record_on &
	WRITER=$!
	wait_screen "rates" '^vtd_shadow_stat: 2 units, each second'
	wait_screen "the rate of leaves" "4711 qemu .* 0 +0 +$RATE +0 +0 +0\$"
	wait_screen "the rate of a domain" " 9 0x1009000 .* 0 +0 +$RATE +0 +0\$"
	screen | grep -A 1 'DOMAIN ROOT' | grep -q ' 9 0x1009000 ' ||
		die "the busiest domain is not the first one"
	screen | grep -q '0000:02:00.0 .* blocked .* fault reason 0x2' || die "no device"
	kill "$WRITER"
	wait_screen "that nothing happens any more" '4711 qemu .* 0 +0 +0 +0 +0 +0$'
	in_tmux send-keys s
	wait_screen "another order" 'by syncs'
	in_tmux send-keys +
	wait_screen "another delay" '4.0 s$'
	# A unit that ends goes, and the view goes on
	rm -r "$DEBUGFS/vtd_shadow/10"
	wait_screen "one unit" '^vtd_shadow_stat: 1 unit,'
	in_tmux resize-window -x 60 -y 8
	wait_screen "a small window" '^vtd_shadow_stat: 1 unit,'
	in_tmux send-keys Down q
	wait_screen "the end" '^status 0$'
	in_tmux kill-server
}

test_manual() {
	local page=$WORK/vtd_shadow_stat.8 option
	rst2man --halt=info "$TOP/Documentation/admin-guide/vtd_shadow_stat.rst" "$page"
	for option in $("$STAT" --help | grep -o -- '--[a-z]*'); do
		grep -q -- "${option//-/\\\\-}" "$page" || die "the manual does not have $option"
	done
}

trap 'finish "${1:-}"' EXIT
make -s -C "$TOP/tools/vtd_shadow" OUTPUT="$WORK" \
	CFLAGS='-O1 -g -Werror -fsanitize=address,undefined'
mkdir -p "$DEBUGFS"
record 100
lines unit 10 pid 42 comm other translation 0 devices 0 domains 0 events 0 events_lost 0 | put 10
test_json
test_text
test_errors
test_live
test_manual
echo "stat-test: all is well"
