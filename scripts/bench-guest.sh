#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What real guests gain: lets guest.sh measure without a remapping unit, with the VMM's
# own shadowing and with vtd_shadow, in turn in one boot of the host, and what the host's
# own driver gets there; and makes of the figures the table of targets, JSON and plots.
#
#   bench-guest.sh [KERNEL]            measure and report
#   bench-guest.sh --report KERNEL     report what the last run on KERNEL measured
#   bench-guest.sh --profile [KERNEL]  count instructions instead: the host's in an exit,
#                                      and all for a read of 1 MiB
#
# In out/bench-guest-KERNEL: bench-guest.json, table.txt, *.svg and *.png;
# out/bench-guest.json is that of the last run. ROUNDS is 5. It fails if something
# could not be measured, never because of a figure. VMM=10.0 measures another VMM than
# the one that emulates the host, too (see build/vmm.sh).

# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/packages.sh
source "$TOP/scripts/lib/packages.sh"

# What is to be had: "What", two figures by mode that are compared, how, and with what
targets() {
	cat <<-EOF
		1 MiB reads, on / off|read_1m_mb_s.on|read_1m_mb_s.off|>=|6
		1 MiB reads, on / no unit|read_1m_mb_s.on|read_1m_mb_s.none|>=|0.6
		1 MiB, host, strict / identity|read_1m_mb_s.host_strict|read_1m_mb_s.host_identity||
		1 MiB, host, lazy / identity|read_1m_mb_s.host_lazy|read_1m_mb_s.host_identity||
		4 KiB reads, QD1, on / off|read_4k_iops.on|read_4k_iops.off|>=|1.1
		4 KiB random, QD32, on / off|randread_qd32_iops.on|randread_qd32_iops.off|>=|1.2
		map+unmap of 1 page, off / on|map_unmap_1_us.off|map_unmap_1_us.on|>=|1.1
		map+unmap of 256 pages, off / on|map_unmap_256_us.off|map_unmap_256_us.on|>=|6
		boot with two disks, off / on|boot_s.off|boot_s.on||
		attach to 1 GiB of 4 KiB pages, off / on|attach_1g_s.off|attach_1g_s.on|>=|5
		locked, translated, 2 devices / 1|locked_dma_2_mib.on|locked_dma_1_mib.on|=|1
		locked, translated, 4 devices / 1|locked_dma_4_mib.on|locked_dma_1_mib.on|=|1
		locked, pass-through, 2 devices / 1|locked_pt_2_mib.on|locked_pt_1_mib.on|=|1
		locked, pass-through, 4 devices / 1|locked_pt_4_mib.on|locked_pt_1_mib.on|=|1
	EOF
}

# NAME.MODE MEDIAN SMALLEST LARGEST SAMPLES
figures() { # RUN
	tr -d '\r' <"$1/tap.log" | awk '$1 == "#" && $2 == "figure" { print $5 "." $4, $6 }' |
		sort -k1,1 -k2,2g | awk '
		function tell() {
			if (n)
				print name, (value[int((n + 1) / 2)] + value[int(n / 2) + 1]) / 2,
					value[1], value[n], n
		}
		$1 != name { tell(); name = $1; n = 0 }
		{ value[++n] = $2 }
		END { tell() }'
}

# Both sides of every target must be there.
check_figures() { # FIGURES
	local name missing=()
	while read -r name; do
		grep -q "^$name " "$1" || missing+=("$name")
	done < <(targets | cut -d'|' -f2,3 | tr '|' '\n' | sort -u)
	[ ${#missing[@]} -eq 0 ] || die "not measured: ${missing[*]}"
}

write_json() { # FIGURES
	awk 'BEGIN { print "{" }
		{
			printf "%s  \"%s\": { \"median\": %s, \"min\": %s, \"max\": %s, ",
				(NR > 1 ? ",\n" : ""), $1, $2, $3, $4
			printf "\"rounds\": %s }", $5
		}
		END { print "\n}" }' "$1"
}

target_table() { # FIGURES
	targets | awk -F'|' -v figures="$1" '
		BEGIN {
			while ((getline line <figures) > 0) {
				split(line, f, " ")
				median[f[1]] = f[2]
			}
			printf "%-40s %9s %8s\n", "target", "measured", "wanted"
		}
		{
			ratio = median[$3] ? median[$2] / median[$3] : 0
			met = "reported"
			if ($4 == ">=")
				met = ratio >= $5 ? "met" : "MISSED"
			else if ($4 == "=")
				met = ratio > 0.995 && ratio < 1.005 ? "met" : "MISSED"
			printf "%-40s %9.2f %3s %4s  %s\n", $1, ratio, $4, $5, met
		}'
}

# Where the time of mapping and unmapping one page goes. A device that QEMU emulates has
# no shadow: that is the guest's own work, its two exits, and QEMU's handling of the
# queue. What an assigned device costs more is the shadowing.
breakdown() { # FIGURES
	awk '
		{ median[$1] = $2 }
		function line(what, off, on) { printf "%-44s %9.1f %9.1f\n", what, off, on }
		END {
			exit_off = 2 * median["exit_us.off"]
			exit_on = 2 * median["exit_us.on"]
			rest_off = median["map_unmap_1_emulated_us.off"] - exit_off
			rest_on = median["map_unmap_1_emulated_us.on"] - exit_on
			all_off = median["map_unmap_1_us.off"]
			all_on = median["map_unmap_1_us.on"]
			printf "%-44s %9s %9s\n", "map+unmap of one page, us", "off", "on"
			line("two exits to QEMU and back", exit_off, exit_on)
			line("guest, and QEMU without shadowing", rest_off, rest_on)
			line("shadowing", all_off - exit_off - rest_off, all_on - exit_on - rest_on)
			line("together", all_off, all_on)
			print ""
			what = "vmm_exits_per_4k_read"
			printf "%-44s %9.2f %9.2f\n", "exits to QEMU for each read of 4 KiB",
				median[what ".off"], median[what ".on"]
		}' "$1"
}

# Where the time of reading 1 MiB goes, in a guest and on the host itself. The requests
# take some time by themselves, and each exit what an exit takes in a loop. Mapping is what
# the benchmark of mapping takes without its exits.
breakdown_of_reads() { # FIGURES
	awk '
		{ median[$1] = $2 }
		function time(mode) {
			return 1048576 / median["read_1m_by_128k_mb_s." mode]
		}
		function exits(mode) { return median["exits_per_1m_read." mode] }
		function add(row, us) { cell[row] = cell[row] sprintf("%10.0f", us) }
		function column(mode, base, between,   all, mapping) {
			all = 1048576 / median["read_1m_mb_s." mode]
			mapping = 8 * median["map_unmap_32_us." mode]
			if (between)
				mapping -= 16 * median["exit_us." mode]
			add(1, time(base))
			add(2, between)
			add(3, mapping)
			add(4, all - time(base) - between - mapping)
			add(5, all)
		}
		function guest(mode,   more) {
			more = exits(mode) - exits("none")
			column(mode, "none", more * median["exit_us." mode])
		}
		function line(what, cells) { printf "%-44s%s\n", what, cells }
		function counts(what, name,   i, cells) {
			name = name "_per_1m_read."
			for (i = 1; i <= 4; i++)
				cells = cells sprintf("%10.1f", median[name mode[i]])
			line(what, cells)
		}
		END {
			guest("off")
			guest("on")
			column("host_strict", "host_identity", 0)
			column("host_lazy", "host_identity", 0)
			line("read of 1 MiB, us", sprintf("%10s%10s%10s%10s", "off", "on",
				"strict", "lazy"))
			line("8 requests of 128 KiB, nothing mapped", cell[1])
			line("exits, but those of a guest without a unit", cell[2])
			line("mapping and unmapping, nothing read", cell[3])
			line("the rest", cell[4])
			line("together", cell[5])
			print ""
			split("none exits off on", mode, " ")
			line("read of 1 MiB by 128 KiB", sprintf("%10s%10s%10s%10s", "no unit",
				"control", "off", "on"))
			counts("exits", "exits")
			counts("of these to the VMM", "vmm_exits")
			counts("interrupts", "interrupts")
			line("us", sprintf("%10.0f%10.0f%10.0f%10.0f", time("none"),
				time("exits"), time("off"), time("on")))
		}' "$1"
}

# Every figure, the modes side by side
mode_table() { # FIGURES
	awk '
		{
			split($1, part, ".")
			if (!seen[part[1]]++)
				names[++nr] = part[1]
			cell[part[1], part[2]] = sprintf("%.4g (%.4g-%.4g)", $2, $3, $4)
		}
		function at(name, mode) {
			return (name, mode) in cell ? cell[name, mode] : "-"
		}
		END {
			modes = "none off on exits host_identity host_strict host_lazy"
			n = split(modes, mode, " ")
			printf "%-27s", "median (smallest-largest)"
			for (k = 1; k <= n; k++)
				printf " %26s", mode[k] == "none" ? "no unit" : mode[k]
			for (i = 1; i <= nr; i++) {
				printf "\n%-27s", names[i]
				for (k = 1; k <= n; k++)
					printf " %26s", at(names[i], mode[k])
			}
			print ""
		}' "$1"
}

# bars NAME FIGURES DIRECTORY LABEL FIGURE...: a plot with the modes side by side, and
# the spread
bars() {
	local name=$1 figures=$2 dir=$3 label=$4 figure mode
	shift 4
	for figure; do
		echo -n "\"${figure//_/ }\""
		for mode in none off on; do
			awk -v name="$figure.$mode" '
				$1 == name { printf " %s %s %s", $2, $3, $4; found = 1 }
				END { if (!found) printf " 0 0 0" }' "$figures"
		done
		echo
	done >"$dir/$name.dat"
	for mode in svg pngcairo; do
		gnuplot <<-EOF
			set terminal $mode size 800,480 background "white"
			set output '$dir/$name.${mode%cairo}'
			set ylabel "$label"
			set yrange [0:*]
			set style data histogram
			set style histogram errorbars gap 1 lw 1
			set style fill solid 0.8
			set grid y
			set key top left
			plot '$dir/$name.dat' using 2:3:4:xtic(1) title "no unit", \
				'' using 5:6:7 title "shadowed by QEMU", \
				'' using 8:9:10 title "vtd\\\\_shadow"
		EOF
	done
	rm "$dir/$name.dat"
}

plots() { # FIGURES DIRECTORY
	bars read_1m "$1" "$2" 'MB/s' read_1m_mb_s
	bars read_4k "$1" "$2" 'reads per second' read_4k_iops randread_qd32_iops
	bars map "$1" "$2" 'microseconds' map_unmap_1_us map_unmap_256_us
	bars attach "$1" "$2" 'seconds' attach_1g_s boot_s
	bars locked "$1" "$2" 'MiB locked' locked_{dma,pt}_{1,2,4}_mib
}

# --- Where the instructions of an exit go ---

# Symbols of the host's kernel and of the VMM: ADDRESS s NAME PART, by address
symbols() { # RUN
	{
		tr -d '\r' <"$1/tap.log" | tr '\t' ' ' |
			sed -n 's/^# symbol \([0-9a-f]*\) [tTwW] /\1 s /p' |
			awk '{ print $1, $2, $3, $4 ? substr($4, 2, length($4) - 2) : "kernel" }'
		sed -n 's/^\([0-9a-f]*\) [tTwWiV] \(.*\)/\1 s \2 VMM/p' "$1/symbols"
		# What the VMM loads is behind all of its own
		echo "00007f0000000000 s libraries VMM"
	} | sort -s -k1,1
}

# Blocks as ADDRESS c EXITS-OF NUMBER, instructions for each exit
blocks() { # RUN
	awk '$1 == "exits" { name = $2; nr = $3; next }
		nr { print $1, "c", name, $2 / nr }' "$1/exits" | sort -s -k1,1
}

# For each kind of exit instructions in all, by part of the host, and by function; what
# is less than one in a hundred is left out.
profile_table() { # RUN
	sort -s -m -k1,1 <(symbols "$1") <(blocks "$1") | awk '
		$2 == "s" { symbol = $3; part = $4; next }
		{
			sum[$3 "|1all"] += $4
			sum[$3 "|2" part] += $4
			sum[$3 "|3" part ": " symbol] += $4
			all[$3] += $4
		}
		END {
			for (key in sum) {
				split(key, word, "|")
				if (sum[key] >= all[word[1]] / 100)
					printf "%s|%s|%.0f\n", word[1], word[2], sum[key]
			}
		}' | sort -t'|' -k1,1 -k2.1,2.1 -k3,3nr | awk -F'|' '
		{ kind = substr($2, 1, 1); name = substr($2, 2) }
		kind == 1 { printf "\n%s: %d instructions\n", $1, $3; next }
		kind != last { print "" }
		{ printf "%8d  %s\n", $3, name; last = kind }'
}

# --- What is done for a read ---

# Blocks of the phases as ADDRESS c PHASE NUMBER
phase_blocks() { # RUN
	awk '$1 == "phase" { phase++; next } { print $1, "c", phase, $2 }' "$1/phases" |
		sort -s -k1,1
}

# Instructions for a read of 1 MiB, by part of the host and in all: for each mode the
# difference between the phase with many reads and the one with few.
read_table() { # RUN
	local words
	read -ra words < <(tr -d '\r' <"$1/tap.log" | sed -n 's/^# phases \(.*\)/\1/p')
	sort -s -m -k1,1 <(symbols "$1") <(phase_blocks "$1") | awk -v modes="${words[*]:0:3}" \
		-v few="${words[-2]}" -v many="${words[-1]}" '
		function row(what, name,   cells) {
			for (m = 1; m <= nr; m++)
				cells = cells sprintf("%12.0f", sum[name, m])
			return sprintf("%-26s%s", what, cells)
		}
		BEGIN { nr = split(modes, mode, " ") }
		$2 == "s" { part = $4; next }
		{
			m = int(($3 + 1) / 2)
			n = ($3 % 2 ? -$4 : $4) / (many - few)
			name = $1 ~ /^0*$/ ? "guest" : part
			sum[name, m] += n
			sum["all", m] += n
			names[name]
		}
		END {
			printf "%-26s", "for a read of 1 MiB"
			for (m = 1; m <= nr; m++)
				printf "%12s", mode[m] == "none" ? "no unit" : mode[m]
			print ""
			for (name in names)
				if (sum[name, nr] > sum["all", nr] / 200)
					print row(name, name) | "sort"
			close("sort")
			print row("together", "all")
			printf "off / on %.2f, no unit / on %.2f\n",
				sum["all", 2] / sum["all", 3], sum["all", 1] / sum["all", 3]
		}'
}

profile() { # KERNEL
	local run=$OUT/run/guests-profile-$1-plain
	bash "$TOP/scripts/guest.sh" profile "$1"
	{
		profile_table "$run"
		echo
		read_table "$run"
	} | tee "$OUT/profile-guest-$1.txt"
}

report() { # KERNEL
	local dir=$OUT/bench-guest-$1
	rm -rf "$dir"
	mkdir -p "$dir"
	figures "$OUT/run/guests-bench-$1-plain" >"$dir/figures"
	check_figures "$dir/figures"
	write_json "$dir/figures" >"$dir/bench-guest.json"
	cp "$dir/bench-guest.json" "$OUT/bench-guest.json"
	plots "$dir/figures" "$dir"
	{
		echo "Guests on Linux $1 in an emulated host${VMM:+, on QEMU $VMM}: only ratios" \
			"mean something."
		echo
		target_table "$dir/figures"
		echo
		breakdown "$dir/figures"
		echo
		breakdown_of_reads "$dir/figures"
		echo
		mode_table "$dir/figures"
	} | tee "$dir/table.txt"
	echo
	echo "In $dir: bench-guest.json, table.txt, plots as .svg and .png"
}

main() {
	local kernel
	if [ "${1:-}" = --report ]; then
		report "$2"
		return
	fi
	bash "$TOP/scripts/setup.sh"
	if [ "${1:-}" = --profile ]; then
		profile "${2:-6.12}"
		return
	fi
	kernel=${1:-6.12}
	need gnuplot gnuplot-nox
	bash "$TOP/scripts/guest.sh" bench "$kernel"
	report "$kernel"
}

main "$@"
