# SPDX-License-Identifier: BSD-2-Clause
"""What bbtap says of the lab's captures, measured against what the kernel knew.

inputs.py     captures, the kernel's rows, bbtap's events
half.py       one endpoint as a sender, and what the kernel says of each packet that it sent
sending.py    what is sent again and why, probes, and what is the tap's fault
episodes.py   timeouts, recovery
spurious.py   retransmissions that were not needed
rtt.py        round trips
table.py      counts, goals, tables
"""
