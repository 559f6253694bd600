# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""scripts/coverage.py names a room whose branch coverage is below its floor."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / 'scripts/coverage.py'


@pytest.fixture(scope='module')
def coverage():
    spec = importlib.util.spec_from_file_location('coverage_by_room', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def counts(covered, possible):
    return [10, 10, covered, possible]


def test_every_room_is_judged_by_its_own_branches(coverage):
    totals = {room: counts(95, 100) for room in coverage.ROOMS_WITH_FLOOR}
    totals |= {'nodes': counts(0, 100), 'total': counts(380, 500)}
    assert coverage.below_floor(totals) == []
    totals['engine'] = counts(94, 100)
    assert coverage.below_floor(totals) == [
        'branch coverage of engine is 94.00%; expected at least 95%'
    ]


def test_a_room_that_was_not_measured_is_no_success(coverage):
    totals = {room: counts(95, 100) for room in coverage.ROOMS_WITH_FLOOR}
    del totals['runtime']
    assert coverage.below_floor(totals) == ['nothing of runtime was measured']


def test_a_file_belongs_to_the_first_folder_of_the_package(coverage):
    summary = dict(zip(coverage.FIELDS, (8, 10, 3, 4), strict=True))
    names = ('dynofa_ros/engine/a.py', 'dynofa_ros/runtime/budget/b.py', 'dynofa_ros/share.py')
    found = coverage.by_room({name: {'summary': summary} for name in names})
    once = [8, 10, 3, 4]
    assert found == {
        'engine': once,
        'runtime': once,
        '(top level)': once,
        'total': [3 * each for each in once],
    }
