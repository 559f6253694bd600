# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from dynofa_ros.supernet import SubnetConfig, SubnetConfigError

CONFIG = SubnetConfig(ks=(3, 5), e=(4, 6), d=(2,), r=32)


@pytest.mark.parametrize(
    'same',
    [
        SubnetConfig(ks=[3, 5], e=[4, 6], d=[2], r=32),
        SubnetConfig(ks=(3.0, 5.0), e=(4, 6), d=(2,), r=32.0),
        SubnetConfig(ks=np.array([3, 5]), e=[4, 6], d=[2], r=np.int64(32)),
        SubnetConfig.from_dict(CONFIG.to_dict()),
    ],
    ids=['lists', 'whole floats', 'numpy', 'dictionary'],
)
def test_equal_numbers_of_any_type_make_equal_configs(same):
    assert same == CONFIG
    assert type(same.r) is type(same.ks[0]) is int


def test_a_ratio_can_be_fractional():
    assert SubnetConfig(e=(0.25,), r=32).e == (0.25,)


def test_a_dictionary_contains_plain_lists():
    assert CONFIG.to_dict() == {'ks': [3, 5], 'e': [4, 6], 'd': [2], 'r': 32}


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'ks': [3], 'e': [3], 'd': [2]}, r"is \['d', 'e', 'ks'\]; expected the key r and some of"),
        ({'ks': [3], 'e': [3], 'd': [2], 'r': 32, 'x': 1}, "'x'"),
        ([3, 3, 2, 32], r'is \[3, 3, 2, 32\]'),
        (None, 'is None'),
    ],
)
def test_unknown_keys_and_a_missing_resolution_are_refused(values, message):
    with pytest.raises(SubnetConfigError, match=message):
        SubnetConfig.from_dict(values)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'ks': 3}, 'ks is 3; expected a list of numbers'),
        ({'e': '346'}, "e is '346'; expected a list"),
        ({'d': [float('nan')]}, 'd contains nan; expected a finite number'),
        ({'r': 2.5}, 'r is 2.5; expected an integer above 0'),
        ({'r': 0}, 'r is 0; expected an integer above 0'),
        ({'ks': [3, True]}, 'ks contains True'),
        ({'r': '32'}, "r contains '32'"),
        ({'r': None}, 'r contains None'),
        ({'r': 10**400}, 'r contains 10*.*0; expected a finite number'),
        ({'d': [10**400]}, 'd contains 10*.*0; expected a finite number'),
    ],
)
def test_a_value_that_is_not_a_number_is_refused(change, message):
    with pytest.raises(SubnetConfigError, match=message):
        SubnetConfig.from_dict(CONFIG.to_dict() | change)


def test_the_digest_is_stable():
    assert CONFIG.digest() == '7d22cf27'


def test_different_configs_have_different_digests():
    assert CONFIG.digest() != SubnetConfig(ks=(5, 3), e=(4, 6), d=(2,), r=32).digest()
