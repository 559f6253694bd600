# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Properties that all shipped platforms have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.platform import Platform, SimulatedDevice, load_platform
from dynofa_ros.profiles.measured import modelled_profile
from dynofa_ros.share import share_path

NAMES = sorted(file.stem for file in share_path('config/platforms').glob('*.yaml'))


@pytest.fixture(scope='module', params=NAMES)
def platform(request: pytest.FixtureRequest) -> Platform:
    return load_platform(request.param)


def test_a_higher_frequency_is_faster_and_draws_more(platform: Platform) -> None:
    for name, unit in platform.processors.items():
        frequencies_hz = platform.domains[unit.domain].frequencies_hz
        latencies_s = [
            platform.latency_s(processor=name, frequency_hz=f, flops=30_000_000, layers=48)
            for f in frequencies_hz
        ]
        powers_w = [unit.busy_power.power_at(f) for f in frequencies_hz]
        assert latencies_s == sorted(latencies_s, reverse=True)
        assert powers_w == sorted(powers_w) or platform.name == 'jetson_xavier_nx'  # as measured


def test_a_modelled_profile_has_every_frequency_of_every_processor(platform, model) -> None:
    profile = modelled_profile('camera', model, 'onnxruntime', platform)
    assert profile.platform == platform.name
    for name, unit in platform.processors.items():
        frequencies_hz = {each.frequency_hz for each in profile.points if each.processor == name}
        assert frequencies_hz == set(platform.domains[unit.domain].frequencies_hz)


def test_frames_are_modelled_on_every_processor(platform, model) -> None:
    frames = FrameModel(platform, seed=0)
    for processor in platform.processors:
        frame = frames.frame(model.kept[0], processor=processor, threads=1)
        assert frame.inference_s > 0
        assert frame.energy_j > 0


@pytest.mark.parametrize(
    ('name', 'processor'),
    [
        ('generic_x86', 'cpu'),
        ('jetson_agx_xavier', 'gpu'),
        ('jetson_orin_nano', 'cpu'),
        ('raspberry_pi_5', 'cpu'),
    ],
)
def test_with_its_cooler_a_busy_processor_does_not_overheat(name: str, processor: str) -> None:
    platform, now_s = load_platform(name), 0.0
    device = SimulatedDevice(platform, clock=lambda: now_s)
    device.set_co_runner(processor, 1.0)
    now_s = 3600.0
    device.advance()
    state = device.state()
    assert not any(each.throttled for each in state.domains.values())
    assert state.power_w == pytest.approx(platform.processors[processor].busy_power.power_w[-1])


@pytest.mark.parametrize('name', NAMES)
def test_every_shipped_platform_is_in_the_documentation(name: str) -> None:
    documentation = Path(__file__).parents[2] / 'docs' / 'platforms.md'
    assert f'`{name}`' in documentation.read_text(encoding='utf-8')
