# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Run the fault matrix: every fault on real nodes, in processes of their own.

As root it runs in a mount namespace with a /dev/shm of its own, which faults may fill.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [
    str(HERE),
    str(HERE.parent),
    str(HERE.parent / 'platform/linux'),
    str(ROOT / 'benchmarks'),
]

SHARED_MEMORY_BYTES = 768 * 2**20
PAGE = ROOT / 'docs/reliability.md'
OWN_MOUNTS = 'DYNOFA_FAULTS_OWN_MOUNTS'
SEGMENT_BYTES = 16 * 2**20


def enter_namespace() -> bool:
    """Start this program again in a mount namespace; return whether it runs in one."""
    if os.environ.get(OWN_MOUNTS) == '1':
        return True
    if os.geteuid() != 0 or shutil.which('unshare') is None:
        return False
    mount = f'mount -t tmpfs -o size={SHARED_MEMORY_BYTES} tmpfs /dev/shm && exec "$@"'
    command = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mount, 'sh']
    command += [sys.executable, *sys.argv]
    os.execvpe('unshare', command, os.environ | {OWN_MOUNTS: '1'})


def small_segments() -> None:
    """Let the processes of the robot take little shared memory; before the first is started."""
    os.environ['DYNOFA_SHM_SEGMENT_BYTES'] = str(SEGMENT_BYTES)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of the matrix and of the soak."""
    made = argparse.ArgumentParser(description=(doc or '').partition('\n')[0])
    made.add_argument('--json', type=Path, help='file for what was observed')
    made.add_argument('--page', type=Path, default=PAGE, help='Markdown page to update')
    made.add_argument('--no-page', dest='page', action='store_const', const=None, help='no page')
    made.add_argument('--keep', type=Path, help='folder for logs and files, kept')
    return made


def all_faults() -> list[Any]:
    """Return every row, in the order of the table."""
    import camera_faults
    import machine_faults
    import message_faults
    import process_faults

    modules = (message_faults, camera_faults, process_faults, machine_faults)
    return [fault for module in modules for fault in module.FAULTS]


def run(faults: list[Any], folder: Path, *, mounts: bool) -> list[dict[str, Any]]:
    """Run faults one after another; return a row of what was observed for each."""
    from rig import Rig
    from small_model import save_random_model

    rig = Rig(folder, save_random_model(folder / 'random_model'), mounts=mounts)
    rows = []
    try:
        for fault in faults:
            if fault.needs_mounts and not mounts:
                row = {'name': fault.name, 'goal': fault.goal, 'skipped': 'needs root: it mounts'}
            else:
                row = observed(rig, fault)
            rows.append(row)
            print(line(row), flush=True)
    finally:
        rig.close()
    return rows


def observed(rig: Any, fault: Any) -> dict[str, Any]:
    """Run one fault; return its row."""
    start_s = time.monotonic()
    row = {
        'name': fault.name,
        'goal': fault.goal,
        'seen_goal_s': fault.seen_s if fault.seen else None,
        'recover_goal_s': fault.recover_s,
        'loses': fault.loses,
        'lost_by_dds_goal': fault.lost_by_dds,
    }
    try:
        outcome = rig.run(fault)
    except RuntimeError as error:
        rig.restart()
        return row | {'broken': [str(error)], 'slow': []}
    frames = outcome.account
    return row | {
        'sent': frames.sent,
        'served': frames.served,
        'dropped': frames.dropped,
        'refused': frames.refused,
        'lost_by_dds': frames.lost_by_dds,
        'lost': frames.lost,
        'seen_s': outcome.seen_s,
        'recovered_s': outcome.recovered_s,
        'as_found': outcome.as_found,
        'memory_bytes': outcome.memory_bytes,
        'broken': outcome.broken(fault),
        'slow': outcome.slow(fault),
        'took_s': time.monotonic() - start_s,
    }


def line(row: dict[str, Any]) -> str:
    """Return a row as a line of the console."""
    if 'skipped' in row:
        return f'skipped  {row["name"]}: {row["skipped"]}'
    faults = row['broken'] + row['slow']
    return f'{"MISSED" if faults else "met   "}   {row["name"]}' + ''.join(
        f'\n           {each}' for each in faults
    )


def main() -> int:
    """Run, write the page and the JSON; return 1 if a goal is missed."""
    options_of = parser(__doc__)
    options_of.add_argument('--quick', action='store_true', help='only the rows of CI')
    options_of.add_argument('--only', nargs='+', default=[], help='rows with one of these texts')
    options = options_of.parse_args()
    mounts = enter_namespace()
    small_segments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the nodes
    import reliability_page

    faults = [each for each in all_faults() if each.quick or not options.quick]
    if options.only:
        faults = [each for each in faults if any(text in each.name for text in options.only)]
    folder = options.keep or Path(tempfile.mkdtemp(prefix='faults-'))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        rows = run(faults, folder, mounts=mounts)
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    if options.quick or options.only:
        options.page = None  # which shows all rows
    reliability_page.save(options, 'faults', {'rows': rows})
    missed = [each for each in rows if each.get('broken') or each.get('slow')]
    print(f'{len(rows) - len(missed)} of {len(rows)} rows met')
    return int(bool(missed))


if __name__ == '__main__':
    sys.exit(main())
