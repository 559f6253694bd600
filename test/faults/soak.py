# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Inject random faults for some minutes, account for every frame, and measure what each node keeps.

In the warm-up nodes are also killed. After it only faults that every node lives through are drawn,
so the growth of each process can be measured from then to the end.
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matrix import all_faults, enter_namespace, parser, small_segments

WARM_UP_FRACTION = 0.3
MEMORY_GROWTH = 0.01
"""Goal: resident memory after the warm-up grows by less."""
KILLS = 0.3
"""Fraction of the faults of the warm-up that are drawn from all rows."""
QUIET_S = 2.0
SAMPLES = 5
"""Each figure is the median of this many samples."""


def main() -> int:
    """Soak; return 1 if a goal is missed."""
    options_of = parser(__doc__)
    options_of.add_argument('--minutes', type=float, default=30.0, help='duration')
    options_of.add_argument('--seed', type=int, default=0, help='of the sequence of faults')
    options = options_of.parse_args()
    if not options.minutes > 0:
        options_of.error(f'minutes is {options.minutes}; expected a number above 0')
    mounts = enter_namespace()
    small_segments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the nodes
    import reliability_page
    from rig import Rig
    from small_model import save_random_model

    folder = options.keep or Path(tempfile.mkdtemp(prefix='soak-'))
    folder.mkdir(parents=True, exist_ok=True)
    rig = Rig(folder, save_random_model(folder / 'random_model'), mounts=mounts)
    try:
        figures = soak(rig, options.minutes, random.Random(options.seed))
    finally:
        rig.close()
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    reliability_page.save(options, 'soak', figures)
    print(reliability_page.soak(reliability_page.plain(figures) | reliability_page.origin()))
    return int(bool(figures['problems']) or not all(each['met'] for each in figures['growth']))


def soak(rig: Any, minutes: float, choose: random.Random) -> dict[str, Any]:
    """Return account, growth and problems."""
    from accounting import Account

    faults = [each for each in all_faults() if not each.manager and not each.needs_mounts]
    gentle = [each for each in faults if each.gentle]
    start_s = time.monotonic()
    warm_up_s, end_s = minutes * 60 * WARM_UP_FRACTION, start_s + minutes * 60
    total, problems, drawn, excused = Account(0, 0, 0, 0), [], 0, 0

    def inject(fault: Any) -> None:
        nonlocal total, drawn, excused
        outcome = rig.run(fault, shut_down=False)
        found = outcome.broken(fault)
        problems.extend(f'{fault.name}: {each}' for each in found)
        total += outcome.account
        excused += outcome.account.lost if fault.loses else 0
        drawn += 1
        print(f'{"MISSED" if found else "met   "}   {fault.name}', flush=True)

    while time.monotonic() - start_s < warm_up_s:
        inject(choose.choice(faults if choose.random() < KILLS else gentle))
    rig.prepare({})
    first = sample(rig)
    warm_up_s = time.monotonic() - start_s
    while time.monotonic() < end_s:
        inject(choose.choice(gentle))
    rig.prepare({})
    last = sample(rig)
    if not rig.shut_down():
        problems.append('frequency settings are not as found after the shutdown')
    return {
        'minutes': minutes,
        'faults': drawn,
        'warm_up_s': warm_up_s,
        'account': {
            'sent': total.sent,
            'served': total.served,
            'dropped': total.dropped,
            'refused': total.refused,
            'lost_by_dds': total.lost_by_dds,
            'lost': total.lost,
            'excused': excused,
        },
        'growth': growth(first, last),
        'problems': problems,
    }


def sample(rig: Any) -> dict[str, dict[str, float]]:
    """Return medians of the figures of each node, and its process id, while frames are served."""
    from processes import NODES

    time.sleep(QUIET_S)
    samples: dict[str, list[dict[str, int]]] = {name: [] for name in NODES}
    for _ in range(SAMPLES):
        time.sleep(0.5)
        for name in NODES:
            usage = rig.processes.usage(name) | {'DDS entities': rig.listener.entities(name)}
            samples[name].append(usage | {'process': rig.processes.pid(name)})
    return {
        name: {key: sorted(each[key] for each in taken)[SAMPLES // 2] for key in taken[0]}
        for name, taken in samples.items()
    }


def growth(
    first: Mapping[str, Mapping[str, float]], last: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Return how much each figure of each node grew, and whether that meets the goal."""
    rows = []
    for node, start in first.items():
        lived = start['process'] == last[node]['process']
        for figure, value in start.items():
            if figure == 'process':
                continue
            end = last[node][figure]
            grown = end / value - 1 if value else 0.0
            most = MEMORY_GROWTH if figure == 'resident_bytes' else 0.0
            rows.append(
                {
                    'node': node if lived else f'{node} (restarted)',
                    'figure': figure,
                    'start': value,
                    'end': end,
                    'growth': grown,
                    'met': lived and grown <= most,
                }
            )
    return rows


if __name__ == '__main__':
    sys.exit(main())
