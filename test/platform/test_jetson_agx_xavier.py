"""The shipped Jetson AGX Xavier: values shared with the Xavier NX, and use by other modules."""

from __future__ import annotations

import pytest

from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.platform import Platform, SimulatedDevice, load_platform
from dynofa_ros.profiles.measured import modelled_profile


@pytest.fixture(scope='module')
def agx() -> Platform:
    return load_platform('jetson_agx_xavier')


@pytest.fixture(scope='module')
def nx() -> Platform:
    return load_platform('jetson_xavier_nx')


def test_the_cpu_has_the_steps_of_a_tegra194_up_to_maxn(agx: Platform, nx: Platform) -> None:
    steps = agx.domains['cpu'].frequencies_hz
    assert steps[-1] == 2265.6e6
    # The NX's highest is a cap between two steps.
    assert set(nx.domains['cpu'].frequencies_hz) - set(steps) == {1907.2e6}


def test_the_software_overheads_are_those_of_the_nx(agx: Platform, nx: Platform) -> None:
    for key in ('overhead_s_per_layer', 'overhead_cycles_per_layer'):
        assert agx.sources[f'processors.gpu.latency.{key}'] == 'assumed'
        of_agx, of_nx = (getattr(each.processors['gpu'].latency, key) for each in (agx, nx))
        assert of_agx == of_nx


def test_it_is_faster_than_the_nx_and_draws_more(agx: Platform, nx: Platform) -> None:
    frames_s, powers_w = [], []
    for platform in (agx, nx):
        highest_hz = platform.domains['gpu'].frequencies_hz[-1]
        frames_s.append(
            platform.latency_s(
                processor='gpu', frequency_hz=highest_hz, flops=1_000_000_000, layers=70
            )
        )
        powers_w.append(platform.processors['gpu'].busy_power.power_at(highest_hz))
    assert frames_s[0] < frames_s[1]
    assert powers_w[0] > powers_w[1]


@pytest.mark.parametrize('processor', ['cpu', 'gpu'])
def test_a_higher_frequency_is_faster_and_draws_more(agx: Platform, processor: str) -> None:
    unit = agx.processors[processor]
    frequencies_hz = agx.domains[unit.domain].frequencies_hz
    latencies_s = [
        agx.latency_s(processor=processor, frequency_hz=f, flops=30_000_000, layers=48)
        for f in frequencies_hz
    ]
    powers_w = [unit.busy_power.power_at(f) for f in frequencies_hz]
    assert latencies_s == sorted(latencies_s, reverse=True)
    assert powers_w == sorted(powers_w)


def test_a_modelled_profile_has_every_frequency_of_every_processor(agx, model) -> None:
    profile = modelled_profile('camera', model, 'torch', agx)
    assert profile.platform == 'jetson_agx_xavier'
    for processor in ('cpu', 'gpu'):
        frequencies_hz = {
            each.frequency_hz for each in profile.points if each.processor == processor
        }
        assert frequencies_hz == set(agx.domains[processor].frequencies_hz)


def test_frames_are_modelled_on_both_processors(agx, model) -> None:
    frames = FrameModel(agx, seed=0)
    for processor in ('cpu', 'gpu'):
        frame = frames.frame(model.kept[0], processor=processor, threads=1)
        assert frame.inference_s > 0
        assert frame.energy_j > 0


def test_a_gpu_that_is_always_busy_does_not_overheat(agx: Platform) -> None:
    now_s = 0.0
    device = SimulatedDevice(agx, clock=lambda: now_s)
    device.set_co_runner('gpu', 1.0)
    now_s = 3600.0
    device.advance()
    state = device.state()
    assert not any(each.throttled for each in state.domains.values())
    assert state.power_w == pytest.approx(21.97)
