# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Print line and branch coverage by room, from the data of scripts/test in build/coverage."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

REPORT = Path('build/coverage/coverage.json')


def main() -> int:
    """Write the full report next to the data and print one line per room."""
    command = [sys.executable, '-m', 'coverage', 'json', '--quiet', '-o', str(REPORT)]
    if subprocess.run(command).returncode:
        return 1
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for name, file in json.loads(REPORT.read_text())['files'].items():
        parts = Path(name).parts
        room = parts[1] if len(parts) > 2 else '(top level)'
        summary = file['summary']
        for key in (room, 'total'):
            for index, field in enumerate(
                ('covered_lines', 'num_statements', 'covered_branches', 'num_branches')
            ):
                totals[key][index] += summary[field]
    print(f'coverage: {"room":14}  lines  branches')
    for room in (*sorted(totals.keys() - {'total'}), 'total'):
        lines, statements, branches, possible = totals[room]
        share = branches / possible if possible else 1.0
        print(f'coverage: {room:14} {lines / statements:6.1%}    {share:6.1%}')
    print(f'coverage: files and lines in {REPORT}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
