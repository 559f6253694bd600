# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch

from dynofa_ros.supernet import SubnetConfigError
from dynofa_ros.supernet.batch_norm import (
    BatchStatistics,
    ElasticBatchNorm,
    RecordedStatistics,
    StoredStatistics,
)
from dynofa_ros.supernet.calibration import calibrate


@pytest.fixture
def norm():
    layer = ElasticBatchNorm(6)
    layer.name = 'bn'
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2.0)
        layer.bias.normal_()
    return layer


def reference(x, norm, mean, var):
    n = x.shape[1]
    scale = norm.weight[:n] / torch.sqrt(var + norm.eps)
    return (x - mean.view(1, n, 1, 1)) * scale.view(1, n, 1, 1) + norm.bias[:n].view(1, n, 1, 1)


def test_training_normalises_with_batch_statistics(norm):
    x = torch.randn(8, 4, 3, 3) * 5 + 2
    var, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
    torch.testing.assert_close(norm(x, BatchStatistics()), reference(x, norm, mean, var))


def test_evaluation_normalises_with_the_given_statistics(norm):
    x, mean, var = torch.randn(2, 4, 3, 3), torch.randn(4), torch.rand(4) + 0.5
    mode = StoredStatistics({'bn': (mean, var)})
    torch.testing.assert_close(norm(x, mode), reference(x, norm, mean, var))


def test_a_layer_without_given_statistics_uses_a_slice_of_the_shared_ones(norm):
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2.0)
    x = torch.randn(2, 4, 3, 3)
    expected = reference(x, norm, norm.running_mean[:4], norm.running_var[:4])
    torch.testing.assert_close(norm(x, StoredStatistics()), expected)


def test_recorded_statistics_are_averages_over_batches(norm):
    record = RecordedStatistics()
    batches = [torch.randn(4, 5, 3, 3) + i for i in range(3)]
    for batch in batches:
        norm(batch, record)
    mean, var = record.statistics()['bn']
    torch.testing.assert_close(mean, torch.cat(batches).mean((0, 2, 3)))
    each = torch.stack([batch.var((0, 2, 3)) for batch in batches])
    torch.testing.assert_close(var, each.mean(0))


def test_recording_does_not_change_the_shared_statistics(norm):
    norm(torch.randn(4, 6, 3, 3) + 5, RecordedStatistics())
    assert (norm.running_mean == 0).all()


def test_calibration_covers_every_active_batch_norm(random_supernet):
    net = random_supernet()
    config = net.space.canonical(net.space.min_config())
    found = calibrate(net, config, [torch.randn(4, 3, 20, 20)])
    ran = 1 + 2 + 5 * 2 * 3 + 1  # stem, first block without expansion, five stages of two, last
    assert len(found) == ran
    assert net.statistics[config] is found


def test_calibration_measures_the_input_of_a_layer(random_supernet):
    net, images = random_supernet(), torch.randn(8, 3, 20, 20)
    found = calibrate(net, net.space.min_config(), [images])
    with torch.no_grad():
        var, mean = torch.var_mean(net.stem.conv(images), (0, 2, 3))
    torch.testing.assert_close(found['stem.bn'], (mean, var))


def test_calibration_reproduces_the_output_with_batch_statistics(random_supernet):
    net = random_supernet()
    config, images = net.space.min_config(), torch.randn(32, 3, 20, 20)
    with torch.no_grad():
        of_the_batch = net(images, config, BatchStatistics())
        before = (net(images, config) - of_the_batch).abs().mean()
        calibrate(net, config, [images])
        after = (net(images, config) - of_the_batch).abs().mean()
    assert after < 0.1 * before


def test_calibration_without_images_is_refused(random_supernet):
    net = random_supernet()
    with pytest.raises(ValueError, match='calibration batches is 0; expected at least one'):
        calibrate(net, net.space.min_config(), [])


def test_calibration_of_a_config_outside_the_space_is_refused(random_supernet):
    net = random_supernet()
    with pytest.raises(SubnetConfigError, match='r is 999'):
        calibrate(net, replace(net.space.min_config(), r=999), [torch.randn(2, 3, 20, 20)])
