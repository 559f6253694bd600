# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Every entry survives 20,000 inputs, the same ones in every run, and all those that ever failed.

`scripts/fuzz` tries new ones.
"""

import pytest
from fuzzing.corpus import stored
from fuzzing.generate import fixed_inputs
from fuzzing.registry import ENTRIES, shares
from fuzzing.target import check

# Other tests measure the coverage; tracing would double the time.
pytestmark = pytest.mark.no_cover
INPUTS = 20_000
SHARES = shares(INPUTS, list(ENTRIES))


def test_the_targets_share_all_inputs():
    assert sum(SHARES.values()) == INPUTS
    assert min(SHARES.values()) >= 1


@pytest.mark.parametrize('name', ENTRIES)
def test_no_input_breaks_an_entry(name, target):
    fuzzed = target(name)
    inputs = list(fixed_inputs(fuzzed, SHARES[name]))
    assert len(inputs) == SHARES[name]
    for data in inputs:
        check_named(fuzzed, data, repr(data))


@pytest.mark.parametrize('name', ENTRIES)
def test_no_stored_input_breaks_an_entry(name, target):
    fuzzed = target(name)
    for file, data in stored(name).items():
        check_named(fuzzed, data, f'test/fuzz/corpus/{name}/{file}')


def check_named(fuzzed, data, name):
    """Run an input; an error names it."""
    try:
        check(fuzzed, data)
    except Exception as error:
        raise AssertionError(f'the input is {name}') from error
