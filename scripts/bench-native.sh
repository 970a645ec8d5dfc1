#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The native benchmark: builds user-mode Linux with the engine in it, lets it measure
# everything in one boot, and makes of its figures the table of targets, JSON and plots.
#
#   bench-native.sh            measure and report
#   bench-native.sh --report   report what the last run measured
#
# In the environment: ROUNDS=9 samples of each figure; ONLY=map,unmap measures only these
# cases, GUEST=2g,64g only in these guests, and both print figures without a report.
#
# In out/bench-native: results.json, table.txt, *.svg and *.png. It fails if something
# could not be measured, never because of a figure.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/figures.sh
source "$TOP/scripts/lib/figures.sh"
# shellcheck source=scripts/build/kernel.sh
source "$TOP/scripts/build/kernel.sh"
# shellcheck source=scripts/build/uml.sh
source "$TOP/scripts/build/uml.sh"

DIR=$OUT/bench-native
# What the kernel has, in GiB, and how many MiB of it have to be in huge pages
MEMORY=4
ENOUGH_HUGE=1024

# What is to be reached, a line each: what it is, the ratio of two figures or one figure,
# and what it may be at most.
targets() {
	cat <<-END
		map, guest of 2 GiB|map_engine_2g/map_floor_2g|1.3
		map, guest of 16 GiB|map_engine_16g/map_floor_16g|1.3
		map, guest of 32 GiB|map_engine_32g/map_floor_32g|1.3
		map, guest of 64 GiB|map_engine_64g/map_floor_64g|1.3
		map, 2 to 64 GiB, worst ratio/best|map_worst/map_best|1.15
		map, guest of 256 GiB|map_engine_256g/map_floor_256g|1.6
		map, leaves in order of memory|map_engine_2g_inorder/map_floor_2g_inorder|1.1
		remap|remap_engine_2g/remap_floor_2g|1.25
		unmap, guest of 2 GiB|unmap_engine_2g/unmap_floor_2g|2.5
		unmap, guest of 64 GiB|unmap_engine_64g/unmap_floor_64g|4
		one page, again and again|page_hot_engine_2g/page_hot_floor_2g|1.8
		a page here and there|sparse_engine_2g/sparse_floor_2g|2
		flush without change, memcmp|same_engine_2g/same_floor_2g|1.1
		256 flushes/one, the same tables|again_same_engine_2g/again_same_floor_2g|1.2
		256 flushes/one, tables that change|again_remap_engine_2g/again_remap_floor_2g|1.2
		unplug, 4,000 tables elsewhere/none|unplug_engine_unplug/unplug_floor_unplug|1.5
		host pages after 128,000 tables|host_pages_left_engine_tables|1000
		bytes a page, contiguous|bytes_per_page_engine_memory_huge|9.4
		bytes a page, scattered|bytes_per_page_engine_memory|13.5
	END
}

# --- Measure ---

# Runs COMMAND with a file system for the kernel's memory that has huge pages, as a
# kernel on a machine has its own in. A user namespace may mount one without root.
with_huge_memory() { # COMMAND...
	# shellcheck disable=SC2016  # for the shell in the namespace
	local mount='mount -t tmpfs -o huge=always,size=$1 vtd_shadow "$2" &&
		shift && TMPDIR=$1 && export TMPDIR && shift && exec "$@"'
	unshare --map-root-user --mount bash -c "$mount" mount "$((MEMORY + 1))G" \
		"$WORK" "$@"
}

# KiB of huge pages that programs have mapped from such file systems
huge_kib() { sed -n 's/^ShmemPmdMapped: *\([0-9]*\) kB$/\1/p' /proc/meminfo; }

# Whether perf can count what this machine does
has_counters() {
	perf stat -x, -e instructions true 2>&1 | grep -q '^[0-9]*,[^,]*,instructions'
}

# Without one: where memory is a file, if there is enough
with_memory() { # COMMAND...
	local shm=/dev/shm free
	free=$(df --output=avail -k $shm 2>/dev/null | tail -n 1) || free=0
	[ "$free" -gt $((MEMORY << 20)) ] || shm=$WORK
	TMPDIR=$shm "$@"
}

# Sets RUNNER, what runs the kernel, and COUNTERS, for the report.
choose_runner() {
	RUNNER=(with_memory)
	COUNTERS="none: perf is missing, or has none on this machine"
	! with_huge_memory true 2>/dev/null || RUNNER=(with_huge_memory)
	if has_counters; then
		RUNNER+=(perf stat -d -o "$DIR/counters.txt" --)
		COUNTERS="of the whole run, in counters.txt"
	fi
}

# Sets HUGE, MiB of huge pages that PROCESS came to have.
watch_huge() { # PROCESS
	local before now
	HUGE=0
	before=$(huge_kib)
	while kill -0 "$1" 2>/dev/null && [ "$HUGE" -lt $ENOUGH_HUGE ]; do
		sleep 0.1
		now=$((($(huge_kib) - before) / 1024))
		[ $now -le "$HUGE" ] || HUGE=$now
	done
}

# A timeout of 0 would not be none: it ends a test at once.
run_kernel() {
	local HUGE
	"${RUNNER[@]}" "$UML" mem=${MEMORY}G "${UML_OPTIONS[@]}" \
		kunit.filter_glob=vtd_shadow_native kunit.timeout=100000 \
		vtd_shadow_native.rounds="${ROUNDS:-9}" \
		vtd_shadow_native.cases="${ONLY:-}" vtd_shadow_native.guests="${GUEST:-}" \
		>"$DIR/console.log" &
	watch_huge $!
	echo "$HUGE" >"$DIR/huge_mib"
	wait $!
	grep -q '^ok 1 vtd_shadow_native' "$DIR/console.log"
}

# Where figures come from, for the report
describe_machine() {
	local huge
	huge=$(<"$DIR/huge_mib")
	if [ "$huge" -ge $ENOUGH_HUGE ]; then
		echo "Kernel memory: in 2 MiB pages, as a kernel has its own"
	else
		echo "Kernel memory: in 4 KiB pages ($huge MiB in larger ones), which costs more"
	fi
	echo "Counters: $COUNTERS"
	echo "Processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
}

measure() {
	rm -rf "$DIR"
	mkdir -p "$DIR"
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	choose_runner
	step "measure" run_kernel
	describe_machine >"$DIR/machine"
}

# --- Report ---

# Figures as NAME MEDIAN SMALLEST LARGEST SAMPLES, NAME being CASE_SIDE_GUEST. map_worst
# and map_best are the ratios of engine and floor in the guests from 2 to 64 GiB.
figures() {
	tr -d '\r' <"$DIR/console.log" | awk '
		$1 != "figure" { next }
		{
			guest = $2
			gsub("-", "_", guest)
			print $3 "_" $4 "_" guest, $5, $6, $7, $8
		}
		$3 == "map" && $2 ~ /^(2|16|32|64)g$/ { map[$2, $4] = $5; sizes[$2] }
		END {
			for (size in sizes) {
				ratio = map[size, "engine"] / map[size, "floor"]
				if (!worst || ratio > worst)
					worst = ratio
				if (!best || ratio < best)
					best = ratio
			}
			if (worst) {
				print "map_worst", worst, worst, worst, 1
				print "map_best", best, best, best, 1
			}
		}'
}

check_figures() {
	local name missing=()
	while read -r name; do
		grep -q "^$name " "$DIR/figures" || missing+=("$name")
	done < <(targets | cut -d'|' -f2 | tr / '\n' | sort -u)
	[ ${#missing[@]} -eq 0 ] || die "not measured: ${missing[*]}"
}

target_table() {
	targets | awk -F'|' -v figures="$DIR/figures" '
		BEGIN {
			while ((getline line <figures) > 0) {
				split(line, f, " ")
				median[f[1]] = f[2]
			}
			printf "%-38s %10s %10s %10s %9s\n", "target", "engine", "floor",
				"measured", "at most"
		}
		{
			below = split($2, side, "/") == 2
			value = median[side[1]] / (below ? median[side[2]] : 1)
			printf "%-38s %10s %10s %10.2f %9s  %s\n", $1,
				below ? sprintf("%.1f", median[side[1]]) : "",
				below ? sprintf("%.1f", median[side[2]]) : "", value, $3,
				value <= $3 ? "met" : "MISSED"
		}'
}

# All cases: engine, floor, other floor and ratios by guest
case_table() {
	tr -d '\r' <"$DIR/console.log" | awk '
		$1 != "figure" { next }
		{
			row = $2 SUBSEP $3
			if (!seen[row]++)
				rows[++nr] = row
			median[row SUBSEP $4] = $5
			range[row SUBSEP $4] = sprintf("%.1f-%.1f", $6, $7)
		}
		function value(row, side) {
			side = row SUBSEP side
			return (side in median) ? sprintf("%.1f", median[side]) : ""
		}
		function ratio(row,   floor) {
			floor = median[row SUBSEP "floor"]
			return floor ? sprintf("%.2f", median[row SUBSEP "engine"] / floor) : ""
		}
		END {
			form = "%-16s %-15s %12s %21s %12s %8s %10s\n"
			printf form, "guest", "case", "engine, ns", "smallest-largest",
				"floor, ns", "ratio", "other, ns"
			for (i = 1; i <= nr; i++) {
				row = rows[i]
				split(row, name, SUBSEP)
				printf form, name[1], name[2], value(row, "engine"),
					range[row SUBSEP "engine"], value(row, "floor"),
					ratio(row), value(row, "other")
			}
		}'
}

tables() {
	echo "vtd_shadow, native: engine against the calls of the IOMMU core alone"
	cat "$DIR/machine"
	echo
	target_table
	echo
	case_table
}

# plot_ratio CASE: the ratio by guest, of those that differ in size alone
plot_ratio() {
	local size
	for size in 2 16 32 64 256; do
		awk -v size="$size" -v engine="$1_engine_${size}g" -v floor="$1_floor_${size}g" '
			$1 == engine { e = $2 }
			$1 == floor { f = $2 }
			END { if (f) print size, e / f, e, f }' "$DIR/figures"
	done >"$DIR/$1.dat"
}

plot_sizes() {
	local name list=
	for name in map remap unmap teardown; do
		plot_ratio $name
		list+="${list:+, }'$DIR/$name.dat' using 1:2 with linespoints title '$name'"
	done
	cat <<-END
		set title "524,288 leaves in random order: engine / floor"
		set xlabel "memory of the guest, GiB"
		set ylabel "ratio"
		set logscale x 2
		set yrange [0:*]
		set grid
		set key outside right
		plot $list
	END
}

plot_cost() {
	cat <<-END
		set title "524,288 leaves in random order: map"
		set xlabel "memory of the guest, GiB"
		set ylabel "ns a page"
		set logscale x 2
		set yrange [0:*]
		set grid
		set key outside right
		plot '$DIR/map.dat' using 1:3 with linespoints title 'engine', \
			'' using 1:4 with linespoints title 'floor'
	END
}

report() {
	figures >"$DIR/figures"
	check_figures
	write_json "$DIR/figures" >"$DIR/results.json"
	plot_sizes | draw sizes "$DIR"
	plot_cost | draw map "$DIR"
	rm -f "$DIR"/*.dat
	tables | tee "$DIR/table.txt"
	echo
	echo "In $DIR: results.json, table.txt, sizes and map as .svg and .png"
}

main() {
	if [ "${1:-}" = --report ]; then
		report
		return
	fi
	bash "$TOP/scripts/setup.sh"
	need gnuplot gnuplot-nox
	uml_build
	measure
	if [ -n "${ONLY:-}${GUEST:-}" ]; then
		cat "$DIR/machine"
		case_table
		return
	fi
	report
}

main "$@"
