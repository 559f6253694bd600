import math

import pytest

from dynofa_ros.nodes.perception.frame_model import FrameModel
from dynofa_ros.platform import PlatformError, load_platform
from dynofa_ros.supernet import SubnetConfig, SubnetRecord

KEPT = SubnetRecord(
    'x', SubnetConfig(ks=(3,), e=(3,), d=(2,), r=20), 0.5, 50_000_000, 1_000_000, 60
)


@pytest.fixture(scope='module')
def platform():
    return load_platform('jetson_xavier_nx')


@pytest.fixture
def steady(platform):
    """Without jitter."""
    return FrameModel(platform, seed=0, jitter=0.0)


def clock(model, frequency_hz, co_runner_utilisation=0.0, domain='gpu'):
    model.set_clock(domain, frequency_hz=frequency_hz, co_runner_utilisation=co_runner_utilisation)


def on_gpu(model):
    return model.frame(KEPT, processor='gpu', threads=1)


def test_it_starts_at_the_highest_clock(steady, platform):
    highest = platform.domains['gpu'].frequencies_hz[-1]
    assert steady.frequency_hz('gpu') == highest


def test_a_frame_takes_what_the_platform_says(steady, platform):
    latency_s = platform.latency_s(
        processor='cpu',
        frequency_hz=platform.domains['cpu'].frequencies_hz[-1],
        flops=KEPT.flops,
        layers=KEPT.layers,
        threads=4,
    )
    assert steady.frame(KEPT, processor='cpu', threads=4).inference_s == latency_s


def test_a_lower_clock_takes_longer(steady, platform):
    before = on_gpu(steady).inference_s
    lowest = platform.domains['gpu'].frequencies_hz[0]
    clock(steady, lowest)
    assert steady.frequency_hz('gpu') == lowest
    assert on_gpu(steady).inference_s > before


def test_a_clock_changes_its_own_domain_only(steady, platform):
    before = on_gpu(steady)
    clock(steady, platform.domains['cpu'].frequencies_hz[0], domain='cpu')
    assert on_gpu(steady) == before


def test_a_co_runner_slows_by_what_the_platform_says(steady, platform):
    alone = on_gpu(steady)
    clock(steady, steady.frequency_hz('gpu'), co_runner_utilisation=0.5)
    slowdown = platform.slowdown(processor='gpu', co_runner_utilisation=0.5)
    assert slowdown > 1
    assert on_gpu(steady).inference_s == pytest.approx(alone.inference_s * slowdown)


def test_a_co_runner_does_not_change_what_our_work_takes_of_energy(steady):
    alone = on_gpu(steady)
    clock(steady, steady.frequency_hz('gpu'), co_runner_utilisation=0.5)
    assert on_gpu(steady).energy_j == alone.energy_j > 0


def test_other_applications_slow_as_co_runners_do(platform, steady):
    loads = {'gpu': 1.5, 'cpu': 0.0}
    beside = FrameModel(platform, seed=0, jitter=0.0, others=loads.get)
    clock(beside, beside.frequency_hz('gpu'), co_runner_utilisation=0.5)
    slowdown = platform.processors['gpu'].slowdown_under_load(2.0)
    alone, slowed = on_gpu(steady), on_gpu(beside)
    assert slowed.inference_s == pytest.approx(alone.inference_s * slowdown)
    assert slowed.energy_j == alone.energy_j
    on_cpu = beside.frame(KEPT, processor='cpu', threads=1)
    assert on_cpu == steady.frame(KEPT, processor='cpu', threads=1)


def test_the_same_seed_gives_the_same_frames(platform):
    def frames(seed):
        model = FrameModel(platform, seed=seed)
        return [on_gpu(model) for _ in range(5)]

    assert frames(1) == frames(1) != frames(2)


def test_jitter_spreads_latencies_as_asked(platform, steady):
    model, middle = FrameModel(platform, seed=0, jitter=0.1), on_gpu(steady).inference_s
    spread = [math.log(on_gpu(model).inference_s / middle) for _ in range(2000)]
    mean = sum(spread) / len(spread)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in spread) / len(spread))
    assert mean == pytest.approx(0, abs=0.01)
    assert deviation == pytest.approx(0.1, rel=0.1)


def test_an_unknown_domain_is_ignored(steady):
    before = on_gpu(steady)
    clock(steady, 1e9, domain='npu')
    assert on_gpu(steady) == before


def test_what_is_unknown_stays_as_it_was(steady, platform):
    lowest = platform.domains['gpu'].frequencies_hz[0]
    clock(steady, lowest, co_runner_utilisation=0.5)
    before = on_gpu(steady)
    clock(steady, math.nan, co_runner_utilisation=math.nan)
    assert on_gpu(steady) == before


@pytest.mark.parametrize(
    ('frequency_hz', 'co_runner', 'named'),
    [
        (1.0, 0.0, r'gpu\.frequency_hz is 1\.0; expected 114750000 to 1109250000 Hz'),
        (math.inf, 0.0, r'gpu\.frequency_hz is inf'),
        (114750000.0, 1.5, r'gpu\.co_runner_utilisation is 1\.5; expected 0 to 1'),
        (114750000.0, -0.1, r'gpu\.co_runner_utilisation is -0\.1'),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_taken_over(
    steady, frequency_hz, co_runner, named
):
    before = on_gpu(steady)
    with pytest.raises(PlatformError, match=named):
        clock(steady, frequency_hz, co_runner_utilisation=co_runner)
    assert on_gpu(steady) == before


def test_an_unknown_processor_is_refused(steady):
    with pytest.raises(PlatformError, match="'npu'; expected one of cpu, gpu"):
        steady.frame(KEPT, processor='npu', threads=1)
