#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Watches an emulated machine for a fault of the emulator: on a busy machine QEMU
# sometimes takes an interrupt from a local APIC (its bit in ISR is set) and then does
# not enter the handler. Nobody ends that interrupt, the processor gets no other one,
# no timer either, and sleeps for ever, or runs one program for ever.
#
#   watch.py MONITOR FILE...
#
# MONITOR is the socket of QEMU's monitor, the FILEs grow while all is well. Status 0
# when the machine has ended, 3 if a processor has an interrupt in service all the time.

import os
import re
import socket
import sys
import time

PROMPT = b"(qemu) "
SILENCE = 45
SAMPLES = 6
LOST = 3


def connect(path):
    deadline = time.time() + 60
    while True:
        try:
            monitor = socket.socket(socket.AF_UNIX)
            monitor.connect(path)
            monitor.settimeout(60)
            return monitor
        except OSError:
            if time.time() > deadline:
                sys.exit(0)
            time.sleep(0.2)


def answer(monitor):
    said = b""
    while not said.endswith(PROMPT):
        part = monitor.recv(65536)
        if not part:
            sys.exit(0)
        said += part
    return said.decode(errors="replace")


def ask(monitor, command):
    monitor.sendall(command.encode() + b"\n")
    return answer(monitor)


# The processors that have interrupts in service, and which. A handler takes no second,
# so that in all samples the same ones are only seen where no handler runs.
def in_service(monitor):
    nr_cpus = len(re.findall(r"^. CPU #", ask(monitor, "info cpus"), re.M))
    found = set()
    for cpu in range(nr_cpus):
        vectors = re.search(r"^ISR\s+(\d.*)", ask(monitor, f"info lapic {cpu}"), re.M)
        if vectors:
            found.add((cpu, vectors[1]))
    return found


def sizes(files):
    return [os.path.getsize(file) if os.path.exists(file) else 0 for file in files]


def main(path, files):
    monitor = connect(path)
    answer(monitor)
    seen, since = sizes(files), time.time()
    while True:
        time.sleep(2)
        now = sizes(files)
        if now != seen:
            seen, since = now, time.time()
        if time.time() - since < SILENCE:
            continue
        # Also tells when the machine has ended
        suspects = in_service(monitor)
        for _ in range(SAMPLES):
            time.sleep(1)
            suspects &= in_service(monitor)
        if suspects:
            return LOST
        since = time.time()


try:
    sys.exit(main(sys.argv[1], sys.argv[2:]))
except OSError:
    sys.exit(0)
