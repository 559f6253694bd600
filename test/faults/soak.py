# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Inject random faults for some minutes, account for every frame, and measure what each node keeps.

First nodes are killed, too. Then the kinds of faults that every node lives through happen in random
order, as many as there is time for, and these again until the warm-up ends: each node has allocated
what it needs, also where that depends on what else happens. Until the end those kinds are drawn
again and again, and no node may grow (`growth`).
"""

from __future__ import annotations

import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matrix import all_faults, enter_namespace, parser, small_segments

KILL_FRACTION = 0.1
"""Fraction of the time in which nodes may be killed."""
KINDS_FRACTION = 0.2
"""Fraction of the time after which no new kinds of faults are drawn."""
WARM_UP_FRACTION = 0.5
"""Fraction of the time after which the nodes' growth is measured."""
LEAST_KINDS = 4
LEAST_SAMPLES = 12
"""A soak on a slow machine takes longer, until it has these, but not for ever."""
LONGEST = 4.0
"""Largest duration, relative to the one that was asked for."""


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
        figures = Soak(rig, options.minutes * 60, random.Random(options.seed)).run()
    finally:
        rig.close()
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    reliability_page.save(options, 'soak', figures)
    print(reliability_page.soak(reliability_page.plain(figures) | reliability_page.origin()))
    return int(bool(figures['problems']) or not all(each['met'] for each in figures['growth']))


class Soak:
    """Injects faults into a robot for `duration_s`, in the order that `choose` gives."""

    def __init__(self, rig: Any, duration_s: float, choose: random.Random) -> None:
        from accounting import Account

        self._rig, self._duration_s, self._choose = rig, duration_s, choose
        self._account = Account(0, 0, 0, 0)
        self._excused = self._injected = 0
        self._problems: list[str] = []
        self._start_s = time.monotonic()

    def run(self) -> dict[str, Any]:
        """Return account, growth and problems."""
        from growth import growth, sample

        faults = [each for each in all_faults() if not each.manager and not each.needs_mounts]
        gentle = [each for each in faults if each.gentle]
        kills = [each for each in faults if not each.gentle]
        self._rig.prepare({})  # the first start compiles and measures
        self._start_s = time.monotonic()
        for fault in shuffled_rounds(kills, self._choose):
            self._inject(fault)
            if self._passed(KILL_FRACTION):
                break
        known = []
        for fault in self._choose.sample(gentle, len(gentle)):
            self._inject(fault)
            known.append(fault)
            if self._passed(KINDS_FRACTION) and len(known) >= LEAST_KINDS:
                break
        for fault in shuffled_rounds(known, self._choose):
            self._inject(fault)
            if self._passed(WARM_UP_FRACTION):
                break
        warm_up_s, samples = self._passed_s, []
        for fault in shuffled_rounds(known, self._choose):
            self._inject(fault)
            if self._rig.all_run:
                samples.append(sample(self._rig))
            if self._passed(1.0 if len(samples) >= LEAST_SAMPLES else LONGEST):
                break
        measured_s = self._passed_s - warm_up_s
        if len(samples) < LEAST_SAMPLES:
            self._problems.append(f'{len(samples)} samples; expected at least {LEAST_SAMPLES}')
        if not self._rig.shut_down():
            self._problems.append('frequency settings are not as found after the shutdown')
        return {
            'warm_up_s': warm_up_s,
            'measured_s': measured_s,
            'faults': self._injected,
            'kinds': len(known),
            'samples': samples,
            'account': vars(self._account) | {'lost': self._account.lost, 'excused': self._excused},
            'growth': growth(samples) if len(samples) >= LEAST_SAMPLES else [],
            'problems': self._problems,
        }

    def _inject(self, fault: Any) -> None:
        try:
            outcome = self._rig.run(fault, shut_down=False)
            found = outcome.broken(fault)
        except RuntimeError as error:
            self._rig.restart()
            outcome, found = None, [str(error)]
        if outcome is not None:
            self._account += outcome.account
            self._excused += outcome.account.lost if fault.loses else 0
        self._injected += 1
        self._problems += [f'{fault.name}: {each}' for each in found]
        verdict = f'{"MISSED" if found else "met   "}   {": ".join([fault.name, *found])}'
        print(f'{self._passed_s:5.0f} of {self._duration_s:.0f} s   {verdict}', flush=True)

    @property
    def _passed_s(self) -> float:
        return time.monotonic() - self._start_s

    def _passed(self, fraction: float) -> bool:
        return self._passed_s >= fraction * self._duration_s


def shuffled_rounds(faults: Sequence[Any], choose: random.Random) -> Iterator[Any]:
    """Yield all faults in random order, again and again, without end."""
    while True:
        yield from choose.sample(faults, len(faults))


if __name__ == '__main__':
    sys.exit(main())
