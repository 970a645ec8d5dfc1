# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What benchmarks make of their figures. Sourced by them and by bed.sh.
#
#   write_json FIGURES    lines that begin with NAME MEDIAN, as JSON
#   draw NAME DIRECTORY   the plot of standard input, as SVG and PNG

write_json() { # FIGURES
	awk 'BEGIN { print "{" }
		{ printf "%s  \"%s\": %s", (NR > 1 ? ",\n" : ""), $1, $2 }
		END { print "\n}" }' "$1"
}

draw() {
	local script
	script=$(cat)
	gnuplot <<-END
		set terminal svg size 800,480 font "sans,12" background "white"
		set output '$2/$1.svg'
		$script
		set terminal pngcairo size 800,480 font "sans,10"
		set output '$2/$1.png'
		replot
	END
	# The licence is that of this script
	sed -i -e "1a <!-- $(sed -n '1s/^# //p' "${BASH_SOURCE[0]}") -->" \
		-e 's/[[:blank:]]*$//' -e '${/^$/d}' "$2/$1.svg"
}
