# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import math

import pytest

from dynofa_ros.offline.search.accuracy_rows import parse_rows, read_rows, space_of
from dynofa_ros.supernet import SubnetConfig

ROW = {'ks': [3, 5], 'e': [3, 4], 'd': [2], 'r': 128, 'top1': 0.7}


def test_a_row_is_a_mapping_or_a_pair():
    config = SubnetConfig(ks=(3, 5), e=(3, 4), d=(2,), r=128)
    configs, accuracies = parse_rows([ROW, (config, 0.8)])
    assert configs == [config, config]
    assert accuracies == [0.7, 0.8]


def test_other_columns_of_a_table_are_ignored():
    configs, _ = parse_rows([ROW, ROW | {'latency_s': 0.1}])
    assert configs[0] == configs[1]


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'top1': 70.0}, 'row 1: top1 is 70.0; expected a fraction, 0 to 1'),
        ({'top1': math.nan}, 'row 1: top1 is nan'),
        ({'top1': -0.1}, r'row 1: top1 is -0\.1'),
        ({'top1': None}, 'row 1: top1 is None'),
        ({'top1': '0.7'}, "row 1: top1 is '0.7'"),
        ({'top1': 10**400}, 'row 1: top1 is 10*.*0; expected a fraction'),
        ({'accuracy': 0.7}, 'row 1: accuracy is given by top1 and accuracy; expected one of'),
        ({'ks': [3, 5, 7]}, 'row 1: ks has 3 values; expected 2, as in row 0'),
        ({'e': []}, 'row 1: e has 0 values; expected 2, as in row 0'),
        ({'ks': [3, math.nan]}, 'row 1: ks contains nan'),
        ({'r': 0}, 'row 1: r is 0'),
    ],
)
def test_an_invalid_row_is_named(change, text):
    with pytest.raises(ValueError, match=text):
        parse_rows([ROW, ROW | change])


def test_a_row_without_accuracy_is_named():
    with pytest.raises(ValueError, match='row 0: accuracy is given by no key; expected one of'):
        parse_rows([{'r': 128}])


@pytest.mark.parametrize('row', [3, 'abc', None])
def test_a_row_of_another_type_is_named(row):
    with pytest.raises(
        ValueError, match=r'row 0: .*; expected a mapping or a \(config, accuracy\) pair'
    ):
        parse_rows([row])


@pytest.mark.parametrize('rows', [[], [ROW]])
def test_too_few_rows_are_refused(rows):
    with pytest.raises(ValueError, match=f'rows holds {len(rows)} sub-networks; expected 2 or'):
        parse_rows(rows)


def test_the_space_of_rows_includes_which_blocks_run():
    shallow = SubnetConfig(ks=(3, 7, 3, 7), d=(1, 2), r=128)
    deep = SubnetConfig(ks=(5, 5, 5, 5), d=(2, 2), r=160)
    space = space_of([shallow, deep])
    assert space.resolutions == (128, 160)
    assert [choice.runs_above for choice in space.ks] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert space.canonical(shallow).ks == (3, 3, 3, 7)


def test_all_blocks_run_if_entries_do_not_match_stages():
    configs = [SubnetConfig(e=(0.2, 0.25, 0.35), d=(0, 2), r=128)] * 2
    assert all(choice.runs_above is None for choice in space_of(configs).e)


def test_a_table_has_one_mapping_per_line(tmp_path):
    (tmp_path / 'table.jsonl').write_text('{"r": 128}\n\n{"r": 160}\n')
    assert read_rows(tmp_path / 'table.jsonl') == [{'r': 128}, {'r': 160}]


@pytest.mark.parametrize(
    ('text', 'why'),
    [
        ('{"r": ', 'not valid JSON'),
        ('[1]', 'expected a mapping'),
        ('[' * 100_000, 'not valid JSON'),
    ],
)
def test_an_invalid_line_is_named(tmp_path, text, why):
    (tmp_path / 'table.jsonl').write_text('{}\n' + text)
    with pytest.raises(ValueError, match=rf'table\.jsonl, line 2 .*{why}'):
        read_rows(tmp_path / 'table.jsonl')


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'none\.jsonl cannot be read'):
        read_rows(tmp_path / 'none.jsonl')
