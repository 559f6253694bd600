# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The summary of a run as a paragraph of text."""

from __future__ import annotations

from typing import Any


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 frame``, ``2 frames``."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def summary_text(summary: dict[str, Any], *, duration_s: float) -> str:
    """Describe the figures of :func:`~dynofa_ros.report.summary.summarise` in sentences."""
    frames = summary['frames']
    platform = summary['platform'] + (' (simulated)' if summary['simulated'] else '')
    sentences = [
        f'In {duration_s:.0f} s, {plural(frames["in"], "frame")} arrived on {platform}; '
        f'{frames["classified"]} were classified, {frames["dropped"]} dropped and '
        f'{frames["refused"]} refused.'
    ]
    if frames['classified']:
        share = summary['deadline_misses'] / frames['classified']
        sentences.append(
            f'The manager switched the sub-network {plural(summary["switches"], "time")}, and '
            f'{plural(summary["deadline_misses"], "frame")} ({share:.1%}) missed the deadline.'
        )
    sentences += [_phase(phase) for phase in summary['phases'] if phase['frames']]
    if summary['energy_j'] is not None:
        sentences.append(_energy(summary))
    if summary['battery']['first'] is not None:
        sentences.append(
            f'The battery went from {summary["battery"]["first"]:.0%} to '
            f'{summary["battery"]["last"]:.0%}.'
        )
    commands = summary['commands']
    sentences.append(
        f'{commands["acknowledged"]} of {commands["sent"]} commands were acknowledged.'
    )
    return ' '.join(sentences)


def _energy(summary: dict[str, Any]) -> str:
    std_j = summary['energy_std_j']
    error = '' if std_j is None else f' ± {std_j:.1f}'
    text = (
        f'Inference used {summary["energy_j"]:.1f}{error} J above idle ({summary["energy_source"]}'
    )
    known, classified = summary['energy_known_frames'], summary['frames']['classified']
    if known < classified:
        text += f'; known for {known} of {plural(classified, "frame")}'
    return text + ').'


def _phase(phase: dict[str, Any]) -> str:
    subnet = next(iter(phase['subnets']))
    deadline = phase['deadline_s']
    target = 'no deadline' if deadline is None else f'a deadline of {deadline * 1e3:.0f} ms'
    text = (
        f'{phase["name"].capitalize()}: with {target}, mostly {subnet} ran on the '
        f'{next(iter(phase["processors"]))}, {phase["latency_mean_s"] * 1e3:.0f} ms per frame'
    )
    if subnet in phase['escalated']:
        text += f', {phase["escalated"][subnet]:.0%} of its frames escalated'
    if phase['energy_per_frame_j'] is not None:
        std_j = phase['energy_per_frame_std_j']
        error = '' if std_j is None else f' ± {std_j:.2f}'
        text += f', {phase["energy_per_frame_j"]:.2f}{error} J'
    accuracy = phase['expected_accuracy']
    return text + f', expected accuracy {"unknown" if accuracy is None else f"{accuracy:.1%}"}.'
