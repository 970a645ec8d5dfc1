#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The benchmark: boots the emulated host, lets vtd_shadow_bench measure everything in
# that one boot, and makes of its figures the table of targets, JSON and plots.
#
#   bench.sh [KERNEL]          measure and report
#   bench.sh --report KERNEL   report what the last run on KERNEL measured
#   bench.sh --profile [KERNEL]   count instructions by function instead
#
# In out/bench-KERNEL: bench.json, table.txt, *.svg and *.png; out/bench.json is that
# of the last run. It fails if something could not be measured, never because of a
# figure.

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/figures.sh
source "$TOP/scripts/lib/figures.sh"

# What is to be reached, a line each: what it is, the ratio of two figures (or of sums
# of them, or one figure), how it is compared, and with what. A line without the last
# two is what the machine does by itself, to see the line before it in that light.
targets() {
	cat <<-END
		map against the floor|map_engine_dsi/map_floor_map_sg|<=|1.3
		map, IOAS_MAP for each page|map_ioas_map/map_engine_dsi|>=|15
		map, IOAS_COPY for each page|map_ioas_copy/map_engine_dsi|>=|15
		map, descriptors of 512 pages|map_engine_psi512/map_engine_dsi|<=|1.15
		one page, IOAS_MAP|map_ioas_map_scattered_1/map_engine_psi1_scattered_1|>=|4
		unmap, IOAS_UNMAP for each page|unmap_ioas_map/unmap_engine_dsi|>=|50
		unmap against the floor|unmap_engine_dsi/unmap_floor|<=|10
		flush without change, memcmp|flush_nochange_ns_per_page/memcmp_ns_per_page|<=|2
		remap against the floor|remap_engine_dsi/unmap_floor+map_floor_map_sg|<=|1.5
		join, 1,048,576 pages against 512|join_ns_1048576/join_ns_512|<=|1.2
		pass-through, 4 GiB against 64 MiB|pass_through_ns_4g/pass_through_ns_64m|<=|1.2
		map, highest cost of a page against lowest|map_highest/map_lowest|<=|1.25
		the same of the floor|map_floor_highest/map_floor_lowest
		bytes a page, contiguous|memory_engine_bytes_per_page_contiguous|<=|10
		bytes a page, scattered|memory_engine_bytes_per_page_scattered|<=|16
		two units on two CPUs against one|two_units_throughput|>=|1.6
		two threads that share nothing|two_threads_throughput
	END
}

# Figures as NAME MEDIAN SMALLEST LARGEST SAMPLES. Without workload and size a name
# means 65,536 scattered leaves of 4 KiB. map_highest and map_lowest are what a page
# costs at the worst and the best size from 512 on, map_floor_highest and
# map_floor_lowest the same without the engine.
figures() { # RUN
	tr -d '\r' <"$1/tap.log" | awk '
		function note(name, cost) {
			if (!(name in high) || cost > high[name])
				high[name] = cost
			if (!(name in low) || cost < low[name])
				low[name] = cost
		}
		$1 != "figure" { next }
		{
			print $2, $3, $4, $5, $6
			size = $2
			sub(/.*_/, "", size)
		}
		size + 0 >= 512 && $2 ~ /^map_engine_dsi_scattered_/ { note("map", $3) }
		size + 0 >= 512 && $2 ~ /^map_floor_map_sg_scattered_/ { note("map_floor", $3) }
		sub(/_scattered_65536$/, "", $2) { print $2, $3, $4, $5, $6 }
		END {
			for (name in high) {
				print name "_highest", high[name], high[name], high[name], 1
				print name "_lowest", low[name], low[name], low[name], 1
			}
		}'
}

WAYS=(engine_dsi engine_psi512 engine_psi1 engine_queue floor_map_sg floor_map
	ioas_map ioas_copy ioas_coalesced type1_map)

# unmap_name WAY: what the way is called when it unmaps
unmap_name() {
	case $1 in
	floor_map_sg) echo floor ;;
	floor_map) echo floor_each ;;
	*) echo "$1" ;;
	esac
}

# What has to be there: the figures of the targets, and each way at each size
wanted_figures() {
	local way size
	targets | cut -d'|' -f2 | tr '/+' '[\n*]'
	for way in "${WAYS[@]}"; do
		for size in 1 16 512 65536 1048576; do
			echo "map_${way}_scattered_$size"
			echo "unmap_$(unmap_name "$way")_scattered_$size"
		done
	done
}

check_figures() { # FIGURES
	local name missing=()
	while read -r name; do
		grep -q "^$name " "$1" || missing+=("$name")
	done < <(wanted_figures | sort -u)
	[ ${#missing[@]} -eq 0 ] || die "not measured: ${missing[*]}"
}

# The first table: ratios and whether they are what they should be
target_table() { # FIGURES
	targets | awk -F'|' -v figures="$1" '
		function value(text,   part, n, i, sum) {
			n = split(text, part, "+")
			for (i = 1; i <= n; i++)
				sum += median[part[i]]
			return sum
		}
		BEGIN {
			while ((getline line <figures) > 0) {
				split(line, f, " ")
				median[f[1]] = f[2]
			}
			printf "%-42s %8s %9s\n", "target", "measured", "wanted"
		}
		{
			ratio = value($2)
			if (split($2, side, "/") == 2)
				ratio = value(side[1]) / value(side[2])
			met = $3 == "<=" ? ratio <= $4 : ratio >= $4
			verdict = $3 ? (met ? "met" : "MISSED") : "reported"
			printf "%-42s %8.2f %3s %5s  %s\n", $1, ratio, $3, $4, verdict
		}'
}

# The second: nanoseconds a page, ways by size
way_table() { # FIGURES OPERATION WORKLOAD
	awk -v op="$2" -v load="$3" '
		$1 ~ "^" op "_" && match($1, "_" load "_[0-9]+$") {
			size = substr($1, RSTART + length(load) + 2) + 0
			way = substr($1, 1, RSTART - 1)
			sub("^" op "_", "", way)
			if (way ~ /^first/ || way ~ /_ns_per_page$/)
				next
			if (!seen[way]++)
				ways[++nr_ways] = way
			if (!known[size]++)
				sizes[++nr_sizes] = size
			cell[way, size] = sprintf("%.0f (%.0f-%.0f)%s", $2, $3, $4,
				$5 < 5 ? "*" : "")
		}
		END {
			printf "%-16s", op
			for (i = 1; i <= nr_sizes; i++)
				printf " %22s", sizes[i]
			print ""
			for (w = 1; w <= nr_ways; w++) {
				printf "%-16s", ways[w]
				for (i = 1; i <= nr_sizes; i++) {
					key = ways[w] SUBSEP sizes[i]
					printf " %22s", key in cell ? cell[key] : "-"
				}
				print ""
			}
		}' "$1"
}

workloads() {
	cat <<-END
		scattered 4 KiB leaves, scattered in the guest and on the host
		contiguous 4 KiB leaves, contiguous in the guest and on the host
		2m 2 MiB leaves, huge pages on the host
		2m_on_4k 2 MiB leaves, scattered 4 KiB pages on the host
		1g 1 GiB leaves, a huge page on the host
	END
}

tables() { # FIGURES KERNEL
	local name title
	echo "Linux $2, emulated host: only ratios mean something."
	echo
	target_table "$1"
	echo
	echo "Nanoseconds a page of 4 KiB, by number of pages: median (smallest-largest)."
	echo "A star: fewer than 5 rounds. -: not measured, it would take too long."
	while read -r name title; do
		echo
		echo "$title"
		way_table "$1" map "$name"
		way_table "$1" unmap "$name"
	done < <(workloads)
	echo
	echo "Everything else"
	grep -vE '^((map|unmap)_|(remap|protect)_.*_65536 )' "$1" |
		awk '{ printf "%-48s %14s (%s-%s), %s\n", $1, $2, $3, $4, $5 }'
}

# plot_data FIGURES OPERATION WAY: size, cost, smallest, largest; scattered
plot_data() {
	awk -v name="$2_$3_scattered_" 'index($1, name) == 1 {
		size = substr($1, length(name) + 1)
		if (size ~ /^[0-9]+$/)
			print size, $2, $3, $4
	}' "$1" | sort -n
}

# Cost of a page over the number of pages
plot_sizes() { # FIGURES DIRECTORY OPERATION
	local way name list=
	for way in "${WAYS[@]}"; do
		name=$way
		[ "$3" != unmap ] || name=$(unmap_name "$way")
		plot_data "$1" "$3" "$name" >"$2/$3-$way.dat"
		[ ! -s "$2/$3-$way.dat" ] ||
			list+="${list:+, }'$2/$3-$way.dat' with linespoints title '${way//_/ }'"
	done
	cat <<-END
		set title "$3, 4 KiB leaves, scattered"
		set xlabel "pages in one invalidation"
		set ylabel "ns a page"
		set logscale xy
		set format x "%.0f"
		set grid
		set key outside right
		plot $list
	END
}

# Ways side by side at 65,536 pages
plot_ways() { # FIGURES DIRECTORY
	local way name
	for way in "${WAYS[@]}"; do
		name=$(unmap_name "$way")
		echo "\"${way//_/ }\" $(awk -v map="map_$way" -v unmap="unmap_$name" '
			$1 == map { m = $2 } $1 == unmap { u = $2 } END { print m, u }' "$1")"
	done >"$2/ways.dat"
	cat <<-END
		set title "65,536 pages, 4 KiB leaves, scattered"
		set ylabel "ns a page"
		set logscale y
		set yrange [1:*]
		set style data histogram
		set style histogram clustered gap 1
		set style fill solid 0.8
		set xtics rotate by -35
		set grid y
		set key left
		plot '$2/ways.dat' using 2:xtic(1) title "map", '' using 3 title "unmap"
	END
}

report() { # KERNEL
	local dir=$OUT/bench-$1 run=$OUT/run/bench-$1-plain
	rm -rf "$dir"
	mkdir -p "$dir"
	figures "$run" >"$dir/figures"
	check_figures "$dir/figures"
	write_json "$dir/figures" >"$dir/bench.json"
	cp "$dir/bench.json" "$OUT/bench.json"
	plot_sizes "$dir/figures" "$dir" map | draw map "$dir"
	plot_sizes "$dir/figures" "$dir" unmap | draw unmap "$dir"
	plot_ways "$dir/figures" "$dir" | draw ways "$dir"
	rm -f "$dir"/*.dat
	tables "$dir/figures" "$1" | tee "$dir/table.txt"
	echo
	echo "In $dir: bench.json, table.txt, map, unmap and ways as .svg and .png"
}

# --- Where the instructions go ---

# For each phase of the benchmark instructions a page, in all and by function; what
# is less than one in a hundred is left out.
profile_table() { # RUN
	tr -d '\r' <"$1/tap.log" >"$1/said"
	{
		sed -n 's/^symbol \([0-9a-f]*\) [tTwW] /\1 s /p' "$1/said" | tr '\t' ' '
		awk -v said="$1/said" '
			BEGIN {
				while ((getline line <said) > 0)
					if (split(line, word, " ") == 2 && word[1] == "phase")
						names[++nr] = word[2]
			}
			$1 == "phase" { name = names[++at]; next }
			{ print $1, "c", name, $2 }' "$1/insns"
	} | sort -s -k1,1 | awk '
		$2 == "s" { symbol = $3 $4; next }
		{
			where = $1 < "8" ? "(user space)" : symbol
			count[$3, where] += $4
			total[$3] += $4
			seen[where]
		}
		END {
			for (phase in total) {
				pages = phase
				sub(/.*_/, "", pages)
				printf "%s|-1e12|all|%.2f\n", phase, total[phase] / pages
				for (where in seen)
					if (count[phase, where] > total[phase] / 100)
						printf "%s|%.2f|%s|%.2f\n", phase,
							-count[phase, where] / pages, where,
							count[phase, where] / pages
			}
		}' | sort -t'|' -k1,1 -k2,2g | awk -F'|' '
		$3 == "all" { printf "\n%s: %s instructions a page\n", $1, $4; next }
		{ printf "%12s  %s\n", $4, $3 }'
}

profile() { # KERNEL
	bash "$TOP/scripts/bed.sh" profile "$1"
	profile_table "$OUT/run/profile-$1-plain" | tee "$OUT/profile-$1.txt"
}

main() {
	local kernel
	if [ "${1:-}" = --report ]; then
		report "$2"
		return
	fi
	if [ "${1:-}" = --profile ]; then
		profile "${2:-6.12}"
		return
	fi
	kernel=${1:-6.12}
	bash "$TOP/scripts/setup.sh"
	need gnuplot gnuplot-nox
	bash "$TOP/scripts/bed.sh" bench "$kernel"
	report "$kernel"
}

main "$@"
