"""What switching.py prints: the switches, and the memory of its sub-networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memory_use import WEIGHTS

PARTS = ('inference_s', 'work_s', 'queue_s')
"""The times of a frame that are compared; the first two have a ratio."""


def print_run(run: Mapping[str, Any]) -> None:
    """Print the switches."""
    switch_ms = {name: value * 1e3 for name, value in run['switch_s'].items()}
    print(f'{run["engine"]}, {run["processor"]}, threads: {run["threads"]}')
    print(
        f'switches: {run["commanded"]} commanded, {run["applied"]} obeyed, '
        f'{run["seen_in_frames"]} seen in frames; ms: p50 {switch_ms["p50"]:.3f}, '
        f'p99 {switch_ms["p99"]:.3f}, max {switch_ms["max"]:.3f}'
    )
    print('median ms of first frames after a switch, and of others')
    print(f'{"sub-network":<22}{"frames":>12}{"inference":>16}{"ratio":>7}', end='')
    print(f'{"all work":>16}{"ratio":>7}{"waited":>16}')
    for row in run['subnets']:
        cells = {
            part: f'{row[f"first_{part}"] * 1e3:.2f} {row[f"other_{part}"] * 1e3:6.2f}'
            for part in PARTS
        }
        frames = f'{row["first_frames"]} {row["other_frames"]:5}'
        print(
            f'{row["subnet_id"]:<22}{frames:>12}{cells["inference_s"]:>16}'
            f'{row["inference_ratio"]:>7.2f}{cells["work_s"]:>16}{row["work_ratio"]:>7.2f}'
            f'{cells["queue_s"]:>16}'
        )


def print_memory(memory: Mapping[str, Any]) -> None:
    """Print what each way of keeping sub-networks adds to a process."""
    print('resident set size that a process gains, MB; per sub-network also what is allocated')
    print(f'{"kept as":<12}{"networks":>9}{"weights":>9}{"each":>8}{"allocated":>11}{"all":>8}')
    for kind, readings in memory.items():
        steps = dict(readings['steps'])
        weights = steps.pop(WEIGHTS, {}).get('resident_set_bytes', 0)
        each = [step['resident_set_bytes'] for step in steps.values()]
        allocated = [step['allocated_bytes'] for step in steps.values()]
        figures = (weights, sum(each) / len(each), sum(allocated) / len(each), weights + sum(each))
        cells = [f'{figure / 1e6:.1f}' for figure in figures]
        print(f'{kind:<12}{len(each):>9}{cells[0]:>9}{cells[1]:>8}{cells[2]:>11}{cells[3]:>8}')
