# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import io
import math

from rich.console import Console

from dynofa_ros.demo.live_table import LiveTable, rows
from dynofa_ros.report.recording import (
    BatterySample,
    PlatformSample,
    PowerCap,
    RecordedFrame,
    Recording,
)


def recording(*, met=True):
    frame = RecordedFrame(
        time_s=0.1,
        app='perception',
        subnet_id='small',
        processor='gpu',
        latency_s=0.03,
        deadline_s=0.04,
        deadline_met=met,
        energy_j=math.nan,
        accuracy=0.7,
        dropped=3,
        refused=0,
        latency_source='modelled',
        energy_source='modelled',
        label='cat',
        score=0.9,
    )
    sample = PlatformSample(0.1, 'nx', True, {'gpu': 1e9}, 5.0, 'modelled', 40.0)
    return Recording(
        frames=[frame],
        platform=[sample],
        battery=[BatterySample(0.1, 0.5)],
        power_caps=[PowerCap(0.1, 6.25, 'set by parameter')],
    )


def test_the_table_shows_the_latest_values():
    values = rows(recording())
    assert values['frame'] == '1 classified, 3 dropped'
    assert values['label'] == 'cat 90%'
    assert values['latency'] == '30 of 40 ms met (modelled)'
    assert values['clocks'] == 'gpu 1000 MHz (simulated)'
    assert values['power'] == '5.0 W (modelled)'
    assert values['power cap'] == '6.2 W (set by parameter)'
    assert values['battery'] == '50%'


def test_unknown_values_are_dashes():
    values = rows(Recording())
    names = ('label', 'latency', 'clocks', 'power', 'power cap', 'battery')
    assert {values[name] for name in names} == {'-'}


def test_without_a_power_cap_there_is_a_dash():
    assert rows(Recording(power_caps=[PowerCap(0.1, math.nan, 'none')]))['power cap'] == '-'


def test_a_missed_deadline_is_marked():
    assert 'MISSED' in rows(recording(met=False))['latency']


def test_without_a_terminal_lines_are_printed(capsys):
    with LiveTable(60, Console(file=io.StringIO())) as table:
        table.show(recording(), time_s=1.0, act='calm')
    assert 'calm' in capsys.readouterr().out


def test_on_a_terminal_a_table_is_drawn():
    screen = io.StringIO()
    with LiveTable(60, Console(file=screen, force_terminal=True, width=120)) as table:
        table.show(recording(), time_s=1.0, act='calm')
    assert 'sub-network' in screen.getvalue()
