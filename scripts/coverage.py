# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Print line and branch coverage by room, from the data of scripts/test in build/coverage.

Exit with 1 if a room with a floor is below it.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

REPORT = Path('build/coverage/coverage.json')
FLOOR = 0.95
"""Least branch coverage of the rooms whose faults no other check would notice."""
ROOMS_WITH_FLOOR = ('engine', 'platform', 'runtime', 'supernet')
FIELDS = ('covered_lines', 'num_statements', 'covered_branches', 'num_branches')


def main() -> int:
    """Write the full report next to the data, print one line per room, and judge."""
    command = [sys.executable, '-m', 'coverage', 'json', '--quiet', '-o', str(REPORT)]
    if subprocess.run(command).returncode:
        return 1
    totals = by_room(json.loads(REPORT.read_text())['files'])
    print(f'coverage: {"room":14}  lines  branches')
    for room in (*sorted(totals.keys() - {'total'}), 'total'):
        lines, statements, *_ = totals[room]
        print(f'coverage: {room:14} {lines / statements:6.1%}    {branches(totals[room]):6.1%}')
    print(f'coverage: files and lines in {REPORT}')
    problems = below_floor(totals)
    for problem in problems:
        print(f'coverage: {problem}', file=sys.stderr)
    return int(bool(problems))


def by_room(files: dict[str, dict[str, dict[str, int]]]) -> dict[str, list[int]]:
    """Return the sums of FIELDS for every room and in total."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0] * len(FIELDS))
    for name, file in files.items():
        parts = Path(name).parts
        room = parts[1] if len(parts) > 2 else '(top level)'
        for key in (room, 'total'):
            for index, field in enumerate(FIELDS):
                totals[key][index] += file['summary'][field]
    return totals


def branches(counts: list[int]) -> float:
    """Return the branch coverage of counts, 0..1."""
    *_, covered, possible = counts
    return covered / possible if possible else 1.0


def below_floor(totals: dict[str, list[int]]) -> list[str]:
    """Return what is wrong with the rooms that have a floor."""
    problems = []
    for room in ROOMS_WITH_FLOOR:
        if room not in totals:
            problems.append(f'nothing of {room} was measured')
        elif (share := branches(totals[room])) < FLOOR:
            problems.append(
                f'branch coverage of {room} is {share:.2%}; expected at least {FLOOR:.0%}'
            )
    return problems


if __name__ == '__main__':
    sys.exit(main())
