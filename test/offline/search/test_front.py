import pytest

pytest.importorskip('pymoo', reason='pymoo, of the extra search, is not installed')

from dynofa_ros.offline.search.nsga2 import PredictedSubnet
from dynofa_ros.offline.search.run import LatencyRatio, MeasuredSubnet, not_dominated
from dynofa_ros.supernet import SubnetConfig
from dynofa_ros.supernet.cost import Cost


def checked(latency_s, accuracy, ranked_s=1.0):
    return MeasuredSubnet(
        PredictedSubnet(SubnetConfig(r=20), 0.5, ranked_s), Cost(1, 1, 1), accuracy, latency_s, ()
    )


def test_what_a_faster_one_beats_is_dropped():
    front = not_dominated([checked(3, 0.7), checked(1, 0.6), checked(2, 0.5), checked(4, 0.7)])
    assert [(each.latency_s, each.accuracy) for each in front] == [(1, 0.6), (3, 0.7)]


def test_of_two_that_take_as_long_the_better_is_kept():
    front = not_dominated([checked(1, 0.6), checked(1, 0.7)])
    assert [each.accuracy for each in front] == [0.7]


def test_the_ratio_is_measured_over_ranked():
    ratio = LatencyRatio.of([checked(2, 0.5), checked(3, 0.5, 2.0), checked(1, 0.5, 2.0)])
    assert (ratio.median, ratio.least, ratio.most) == (1.5, 0.5, 2.0)
