import numpy as np
import pytest

from dynofa_ros.supernet import SubnetConfig, SubnetConfigError

CONFIG = SubnetConfig(ks=(3, 5), e=(4, 6), d=(2,), r=32)


def test_lists_become_tuples():
    assert SubnetConfig(ks=[3, 5], e=[4, 6], d=[2], r=32) == CONFIG


def test_numpy_integers_become_integers():
    built = SubnetConfig(ks=np.array([3, 5]), e=[4, 6], d=[2], r=np.int64(32))
    assert type(built.r) is type(built.ks[0]) is int


def test_it_survives_a_dictionary():
    assert SubnetConfig.from_dict(CONFIG.to_dict()) == CONFIG


def test_a_whole_number_is_one_choice_whatever_its_type():
    assert SubnetConfig(ks=(3.0, 5.0), e=(4, 6), d=(2,), r=32.0) == CONFIG


def test_a_ratio_need_not_be_whole():
    assert SubnetConfig(e=(0.25,), r=32).e == (0.25,)


def test_a_dictionary_holds_plain_lists():
    assert CONFIG.to_dict() == {'ks': [3, 5], 'e': [4, 6], 'd': [2], 'r': 32}


@pytest.mark.parametrize(
    ('values', 'named'),
    [
        ({'ks': [3], 'e': [3], 'd': [2]}, r"the key r and some of .*; got \['d', 'e', 'ks'\]"),
        ({'ks': [3], 'e': [3], 'd': [2], 'r': 32, 'x': 1}, "'x'"),
        ([3, 3, 2, 32], r'got \[3, 3, 2, 32\]'),
        (None, 'got None'),
    ],
)
def test_unknown_keys_and_a_missing_resolution_are_refused(values, named):
    with pytest.raises(SubnetConfigError, match=named):
        SubnetConfig.from_dict(values)


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'ks': 3}, 'ks is 3; it must be a list of numbers'),
        ({'e': '346'}, "e is '346'; it must be a list"),
        ({'d': [float('nan')]}, 'd holds nan; it must be finite'),
        ({'r': 2.5}, 'r is 2.5; it must be an integer above 0'),
        ({'r': 0}, 'r is 0; it must be an integer above 0'),
        ({'ks': [3, True]}, 'ks holds True'),
        ({'r': '32'}, "r holds '32'"),
        ({'r': None}, 'r holds None'),
    ],
)
def test_what_is_no_number_is_refused_by_field_and_value(change, named):
    with pytest.raises(SubnetConfigError, match=named):
        SubnetConfig.from_dict(CONFIG.to_dict() | change)


def test_the_digest_is_the_same_everywhere():
    assert CONFIG.digest() == '7d22cf27'


def test_different_configs_have_different_digests():
    assert CONFIG.digest() != SubnetConfig(ks=(5, 3), e=(4, 6), d=(2,), r=32).digest()
