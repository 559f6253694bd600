# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Updating a description changes the numbers of the fit and nothing else."""

import pytest
import yaml

from dynofa_ros.offline.calibration.loudva_data import read_board
from dynofa_ros.offline.calibration.loudva_fit import fit_platform
from dynofa_ros.offline.calibration.yaml_update import fragment, update
from dynofa_ros.platform import load_platform

DESCRIPTION = """\
# A comment that stays.
name: board
description: of a test
sources: {paper: somebody else, fit: nothing yet}
idle_power_w: {value: 1.0, source: assumed}
rail: VDD_IN
frequency_domains:
  gpu:
    frequencies_hz: {value: [100000000, 1000000000], source: paper}
    change_delay_s: {value: 0.1, source: fit}
processors:
  gpu:
    kind: gpu
    domain: gpu
    cores: {value: 1, source: assumed}
    contention: {value: 1.0, source: assumed}
    latency:
      overhead_s_per_layer: {value: 7.0e-4, source: paper}  # not of the fit
      overhead_cycles_per_layer: {value: 11, source: assumed}
      flop_per_cycle: {value: 1, source: fit, note: stays}
      serial_fraction: {value: 0.0, source: assumed}
    busy_power:
      frequencies_hz:
        value:
          - 100000000
          - 1000000000
        source: fit
      power_w: {source: fit, value: [2, 3]}
thermal_zones: {}
"""
BLOCK = '\n  paper: somebody else\n  fit: nothing yet'


@pytest.fixture
def fit(board):
    return fit_platform(*read_board(board), flops=2e9, layers=50)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'board.yaml'
    path.write_text(DESCRIPTION.replace('{paper: somebody else, fit: nothing yet}', BLOCK))
    return path


def replace(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def write(file, fit, **changes):
    names = {'processor': 'gpu', 'source': 'fit', 'citation': 'by a test: 1 % error'}
    return update(file, fit, **(names | changes))


def test_the_numbers_of_the_fit_are_written_and_their_paths_returned(file, fit):
    assert write(file, fit) == (
        'processors.gpu.latency.flop_per_cycle',
        'processors.gpu.busy_power.frequencies_hz',
        'processors.gpu.busy_power.power_w',
    )
    gpu = load_platform(str(file)).processors['gpu']
    assert gpu.latency.flop_per_cycle == 100
    assert gpu.busy_power == fit.busy_power


def test_numbers_of_other_sources_and_numbers_that_are_not_fitted_are_kept(file, fit):
    write(file, fit)
    platform = load_platform(str(file))
    assert platform.processors['gpu'].latency.overhead_s_per_layer == 7e-4
    assert platform.processors['gpu'].latency.overhead_cycles_per_layer == 11
    assert platform.domains['gpu'].change_delay_s == 0.1  # its source is the fit


def test_all_other_lines_are_kept_byte_for_byte(file, fit):
    before = file.read_text()
    write(file, fit)
    lines = file.read_text().splitlines()
    replaced = ('flop_per_cycle', 'frequencies_hz:', 'value:', '- 1', 'power_w: {', 'fit: nothing')
    for line in before.splitlines():
        if not line.strip().startswith(replaced):
            assert line in lines
    assert lines[0] == '# A comment that stays.'
    assert '      flop_per_cycle: {value: 100.0, source: fit, note: stays}' in lines


def test_the_citation_becomes_the_text_of_the_source(file, fit):
    write(file, fit)
    sources = load_platform(str(file)).sources
    assert sources['processors.gpu.latency.flop_per_cycle'] == 'by a test: 1 % error'
    assert sources['frequency_domains.gpu.frequencies_hz'] == 'somebody else'


def test_a_second_update_changes_nothing(file, fit):
    write(file, fit)
    first = file.read_text()
    write(file, fit)
    assert file.read_text() == first


def test_overheads_whose_source_is_the_fit_are_updated(file, fit):
    replace(file, 'value: 7.0e-4, source: paper', 'value: 1, source: fit')
    write(file, fit)
    assert load_platform(str(file)).processors['gpu'].latency.overhead_s_per_layer == 2e-4


def test_a_description_without_the_source_is_rejected_and_kept(file, fit):
    before = file.read_text()
    with pytest.raises(ValueError, match="no number of processor 'npu' has the source 'fit'"):
        write(file, fit, processor='npu')
    with pytest.raises(ValueError, match="source is 'thesis'; expected a key of sources"):
        write(file, fit, source='thesis')
    assert file.read_text() == before


def test_a_missing_file_is_named(tmp_path, fit):
    with pytest.raises(ValueError, match=r'none.yaml cannot be read'):
        write(tmp_path / 'none.yaml', fit)


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        *(
            (text, r": .*'fit'.*expected")
            for text in ('', 'name: x\n', '- 1\n', 'sources: {fit: x}')
        ),
        ('a: [', ' cannot be read'),
    ],
)
def test_a_file_that_is_not_a_description_is_named(file, fit, text, problem):
    file.write_text(text)
    with pytest.raises(ValueError, match=f'board.yaml{problem}'):
        write(file, fit)


def test_a_table_of_other_frequencies_is_replaced_as_a_whole(file, fit):
    """The file need not load before the update: a new description has no table yet."""
    replace(file, '          - 100000000\n', '')
    replace(file, '[2, 3]', '[]')
    write(file, fit)
    assert load_platform(str(file)).processors['gpu'].busy_power == fit.busy_power


def test_an_update_that_does_not_load_leaves_the_file_unchanged(file, fit):
    replace(file, 'idle_power_w: {value: 1.0', 'idle_power_w: {value: 2.9')
    before = file.read_text()
    with pytest.raises(ValueError, match=r'left unchanged: with the fit, .*at least idle_power_w'):
        write(file, fit)
    assert file.read_text() == before
    assert [each.name for each in file.parent.iterdir() if each.is_file()] == ['board.yaml']


def test_sources_on_one_line_cannot_be_updated(file, fit):
    file.write_text(DESCRIPTION)
    with pytest.raises(ValueError, match=r'is left unchanged: with the fit, .*expected YAML'):
        write(file, fit)
    assert file.read_text() == DESCRIPTION


def test_the_fragment_holds_all_fitted_numbers(fit):
    content = yaml.safe_load(fragment(fit, processor='npu', source='mine', citation='by me: 1 %'))
    latency = content['processors']['npu']['latency']
    assert content['sources'] == {'mine': 'by me: 1 %'}
    assert latency['overhead_s_per_layer'] == {'value': 2e-4, 'source': 'mine'}
    assert latency['flop_per_cycle'] == {'value': 100, 'source': 'mine'}
    assert content['processors']['npu']['busy_power']['power_w']['value'] == list(
        fit.busy_power.power_w
    )
