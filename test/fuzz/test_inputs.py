# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Every entry survives 20,000 inputs, the same ones in every run, and all those that ever failed.

`scripts/fuzz` tries new ones.
"""

import hypothesis
import pytest
from fuzzing.corpus import stored
from fuzzing.generate import inputs
from fuzzing.registry import ENTRIES, shares
from fuzzing.target import check

INPUTS = 20_000
SHARES = shares(INPUTS, list(ENTRIES))


def test_the_targets_share_all_inputs():
    assert sum(SHARES.values()) == INPUTS
    assert min(SHARES.values()) >= 1


@pytest.mark.parametrize('name', ENTRIES)
def test_no_input_breaks_an_entry(name, target):
    fuzzed, count = target(name), 0

    @hypothesis.settings(
        max_examples=SHARES[name],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(inputs(fuzzed))
    def run(data):
        nonlocal count
        count += 1
        check(fuzzed, data)

    run()
    assert count >= SHARES[name]


@pytest.mark.parametrize('name', ENTRIES)
def test_no_stored_input_breaks_an_entry(name, target):
    fuzzed = target(name)
    for file, data in stored(name).items():
        try:
            check(fuzzed, data)
        except Exception as error:
            error.add_note(f'the input is test/fuzz/corpus/{name}/{file}')
            raise
