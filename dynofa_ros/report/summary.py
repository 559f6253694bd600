# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Figures of a run: totals, and means of each phase."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dynofa_ros.report.recording import PlatformSample, RecordedFrame, Recording


@dataclass(frozen=True)
class RunPhase:
    """A part of a run with constant targets."""

    name: str
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        """Raise ValueError for a phase that does not end after its start."""
        if not self.start_s < self.end_s:
            raise ValueError(
                f'phase {self.name!r} is from {self.start_s} to {self.end_s} s; '
                'expected an end after its start'
            )

    def contains(self, time_s: float) -> bool:
        """Whether a time is within the phase."""
        return self.start_s <= time_s < self.end_s


def summarise(recording: Recording, phases: Sequence[RunPhase]) -> dict[str, Any]:
    """Return the figures as plain values for JSON, None if unknown.

    Sources of latency, energy and power are listed as reported.
    """
    frames = recording.frames
    classified = len(frames)
    dropped = sum(frame.dropped for frame in frames)
    refused = sum(frame.refused for frame in frames)
    waiting = recording.unacknowledged
    answers = [c.acknowledged_s - c.time_s for c in recording.commands if c.acknowledged_s]
    return {
        'frames': {
            'in': classified + dropped + refused,
            'classified': classified,
            'dropped': dropped,
            'refused': refused,
        },
        'switches': count_switches(frames),
        'deadline_misses': sum(not frame.deadline_met for frame in frames),
        'energy_j': _total([frame.energy_j for frame in frames]),
        'energy_std_j': _mean([energy_std_j(frames)]),
        'energy_known_frames': len(_known([frame.energy_j for frame in frames])),
        'energy_source': _sources(frame.energy_source for frame in frames),
        'latency_source': _sources(frame.latency_source for frame in frames),
        'platform': _sources(sample.platform for sample in recording.platform),
        'simulated': any(sample.simulated for sample in recording.platform),
        'battery': {
            'first': recording.battery[0].percentage if recording.battery else None,
            'last': recording.battery[-1].percentage if recording.battery else None,
        },
        'commands': {
            'sent': len(recording.commands),
            'acknowledged': len(recording.commands) - len(waiting),
            'refused': sum(
                c.acknowledged_s is not None and not c.applied for c in recording.commands
            ),
            'unacknowledged': [f'{c.receiver} {c.sequence}: {c.what}' for c in waiting],
            'median_answer_s': _number(np.median(answers)) if answers else None,
        },
        'decision_median_s': _number(np.median(recording.decisions_s))
        if recording.decisions_s
        else None,
        'phases': [_phase(recording, phase) for phase in phases],
    }


def count_switches(frames: Sequence[RecordedFrame]) -> int:
    """Count frames that ran another sub-network than the previous frame of the application."""
    last: dict[str, str] = {}
    switches = 0
    for frame in frames:
        switches += last.get(frame.app, frame.subnet_id) != frame.subnet_id
        last[frame.app] = frame.subnet_id
    return switches


def energy_std_j(frames: Sequence[RecordedFrame]) -> float:
    """Return the standard deviation of the total energy of frames [J].

    The error of the idle power is common to all frames, so it adds up linearly; so do errors within
    the window in which the sensor cannot separate frames. All others are independent and add up as
    squares. Frames of unknown energy do not count. NaN if there are no others, or if the error of
    one of them is unknown, as for modelled energy.
    """
    known = [frame for frame in frames if not math.isnan(frame.energy_j)]
    if not known:
        return math.nan
    common_j = math.fsum(frame.energy_common_std_j for frame in known)
    squares = 0.0
    windows_j: defaultdict[int, float] = defaultdict(float)
    for frame in known:
        # abs: rounding may make it negative. NaN stays NaN.
        own_j = math.sqrt(abs(frame.energy_std_j**2 - frame.energy_common_std_j**2))
        if frame.energy_window_s > 0:
            windows_j[int(frame.time_s // frame.energy_window_s)] += own_j
        else:
            squares += own_j**2
    squares += math.fsum(own_j**2 for own_j in windows_j.values())
    return math.sqrt(common_j**2 + squares)


def _phase(recording: Recording, phase: RunPhase) -> dict[str, Any]:
    frames = [frame for frame in recording.frames if phase.contains(frame.time_s)]
    samples = [sample for sample in recording.platform if phase.contains(sample.time_s)]
    latencies = [frame.latency_s for frame in frames]
    known = len(_known([frame.energy_j for frame in frames]))
    energy_per_frame_std_j = energy_std_j(frames) / known if known else math.nan
    deadlines = [f.deadline_s for f in frames if not math.isnan(f.deadline_s)]
    return {
        'name': phase.name,
        'start_s': phase.start_s,
        'end_s': phase.end_s,
        'frames': len(frames),
        'dropped': sum(frame.dropped for frame in frames),
        'deadline_s': deadlines[-1] if deadlines else None,
        'deadline_misses': sum(not frame.deadline_met for frame in frames),
        'switches': count_switches(frames),
        'subnets': dict(Counter(frame.subnet_id for frame in frames).most_common()),
        'escalated': _escalated(frames),
        'processors': dict(Counter(frame.processor for frame in frames).most_common()),
        'latency_mean_s': _mean(latencies),
        'latency_p95_s': _number(np.percentile(latencies, 95)) if latencies else None,
        'energy_per_frame_j': _mean([frame.energy_j for frame in frames]),
        'energy_per_frame_std_j': _mean([energy_per_frame_std_j]),
        'expected_accuracy': _mean([frame.accuracy for frame in frames]),
        'power_mean_w': _mean([sample.power_w for sample in samples]),
        'frequency_mean_hz': _frequencies(samples),
    }


def _escalated(frames: Sequence[RecordedFrame]) -> dict[str, float]:
    """Return the share of each cascade's frames that ran more than its first stage."""
    stages: defaultdict[str, list[int]] = defaultdict(list)
    for frame in frames:
        if frame.stages and frame.stages[0] != frame.subnet_id:
            stages[frame.subnet_id].append(len(frame.stages))
    return {
        name: _number(sum(count > 1 for count in counts) / len(counts))
        for name, counts in stages.items()
    }


def _frequencies(samples: Sequence[PlatformSample]) -> dict[str, float | None]:
    domains = sorted({domain for sample in samples for domain in sample.frequencies_hz})
    return {d: _mean([s.frequencies_hz.get(d, math.nan) for s in samples]) for d in domains}


def _sources(names: Any) -> str:
    return ', '.join(sorted(set(names))) or 'unavailable'


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _mean(values: Sequence[float]) -> float | None:
    known = _known(values)
    return _number(np.mean(known)) if known else None


def _total(values: Sequence[float]) -> float | None:
    known = _known(values)
    return _number(sum(known)) if known else None


def _number(value: Any) -> float:
    return round(float(value), 6)
