# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""benchmarks/supernet.py: a row per depth, and ratios to one image."""

import pytest


@pytest.fixture(scope='module')
def figures(run_main):
    return run_main('supernet', '--supernets', 'ofa_mbv3_cifar10', '--repeat', '1')


def test_sub_networks_grow_with_depth(figures):
    rows = figures['rows']
    assert [each['depth'] for each in rows] == [0.5, 0.75, 1.0]
    parameters = [each['parameters'] for each in rows]
    assert parameters == sorted(parameters)


def test_switching_and_extracting_are_counted_in_images(figures):
    for each in figures['rows']:
        for work in ('switch', 'extract'):
            expected = each[f'{work}_s'] / each['image_s']
            assert each[f'{work}_in_images'] == pytest.approx(expected)


def test_the_file_contains_machine_and_settings(figures):
    assert figures['machine']['cpu']
    assert figures['settings'] == {'repeat': 1, 'threads': 1}
