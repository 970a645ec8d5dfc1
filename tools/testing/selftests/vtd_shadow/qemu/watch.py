#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
#
# Watches an emulated machine for two faults of emulators. In one an interrupt is in
# service in a local APIC for ever (its bit in ISR is set): the processor gets no other
# one, no timer either, and sleeps for ever, or runs one program for ever. In the other a
# host of virtual machines is left without its global interrupt flag when one of them
# exits: it sleeps with interrupts pending (in IRR) that it accepts. The QEMU that
# scripts/build/qemu.sh builds is without the causes that are known.
#
#   watch.py MONITOR FILE...
#
# MONITOR is the socket of QEMU's monitor, the FILEs grow while all is well. Status 0
# when the machine has ended, 3 if a processor has an interrupt in service all the time,
# or sleeps with one pending.

import os
import re
import socket
import sys
import time

PROMPT = b"(qemu) "
SILENCE = 45
# A processor that only waits for its turn has nothing pending in one of these
SAMPLES = 16
LOST = 3
INTERRUPT_FLAG = 0x200


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


# The processors that sleep until there is an interrupt
def sleepers(monitor):
    said = ask(monitor, "info registers -a")
    states = re.findall(r"[ER]FL=([0-9a-f]+) .*HLT=(\d)", said)
    return [
        halted == "1" and bool(int(flags, 16) & INTERRUPT_FLAG)
        for flags, halted in states
    ]


# The processors that have interrupts in service, and which, or sleep although some are
# pending. A handler takes no second, so that in all samples the same ones are only in
# service where no handler runs.
def stuck(monitor):
    found = set()
    for cpu, sleeps in enumerate(sleepers(monitor)):
        lapic = ask(monitor, f"info lapic {cpu}")
        vectors = re.search(r"^ISR\s+(\d.*)", lapic, re.M)
        if vectors:
            found.add((cpu, vectors[1]))
        if sleeps and re.search(r"^IRR\s+\d", lapic, re.M):
            found.add((cpu, "pending"))
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
        suspects = stuck(monitor)
        for _ in range(SAMPLES):
            time.sleep(1)
            suspects &= stuck(monitor)
        if suspects:
            return LOST
        since = time.time()


try:
    sys.exit(main(sys.argv[1], sys.argv[2:]))
except OSError:
    sys.exit(0)
