"""Writing a fit into a description: its own numbers, and nothing else."""

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


@pytest.fixture
def fit(board):
    return fit_platform(*read_board(board), flops=2e9, layers=50)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'board.yaml'
    path.write_text(DESCRIPTION.replace('{paper: somebody else, fit: nothing yet}', BLOCK))
    return path


BLOCK = '\n  paper: somebody else\n  fit: nothing yet'


def replace(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def write(file, fit, **changes):
    names = {'processor': 'gpu', 'source': 'fit', 'citation': 'by a test: 1 % error'}
    return update(file, fit, **(names | changes))


def test_numbers_of_the_fit_are_written(file, fit):
    write(file, fit)
    gpu = load_platform(str(file)).processors['gpu']
    assert gpu.latency.flop_per_cycle == 100
    assert gpu.busy_power == fit.busy_power


def test_numbers_of_other_sources_stay(file, fit):
    write(file, fit)
    platform = load_platform(str(file))
    assert platform.processors['gpu'].latency.overhead_s_per_layer == 7e-4
    assert platform.processors['gpu'].latency.overhead_cycles_per_layer == 11


def test_what_was_not_measured_stays_whatever_its_source(file, fit):
    write(file, fit)
    assert load_platform(str(file)).domains['gpu'].change_delay_s == 0.1


def test_comments_and_notes_stay(file, fit):
    write(file, fit)
    text = file.read_text()
    assert text.startswith('# A comment that stays.\n')
    assert 'source: paper}  # not of the fit\n' in text
    assert 'note: stays' in text


def test_it_says_what_it_wrote(file, fit):
    assert write(file, fit) == (
        'processors.gpu.latency.flop_per_cycle',
        'processors.gpu.busy_power.frequencies_hz',
        'processors.gpu.busy_power.power_w',
    )


def test_the_source_says_what_it_was_fitted_to(file, fit):
    write(file, fit)
    sources = load_platform(str(file)).sources
    assert sources['processors.gpu.latency.flop_per_cycle'] == 'by a test: 1 % error'
    assert sources['frequency_domains.gpu.frequencies_hz'] == 'somebody else'


def test_a_second_time_nothing_changes(file, fit):
    write(file, fit)
    first = file.read_text()
    write(file, fit)
    assert file.read_text() == first


def test_overheads_whose_source_is_the_fit_are_fitted_too(file, fit):
    replace(file, 'value: 7.0e-4, source: paper', 'value: 1, source: fit')
    write(file, fit)
    assert load_platform(str(file)).processors['gpu'].latency.overhead_s_per_layer == 2e-4


def test_a_description_of_other_sources_is_refused(file, fit):
    before = file.read_text()
    with pytest.raises(ValueError, match="no number of processor 'npu' has the source 'fit'"):
        write(file, fit, processor='npu')
    with pytest.raises(ValueError, match="sources names no 'thesis'"):
        write(file, fit, source='thesis')
    assert file.read_text() == before


def test_a_file_that_is_not_there_is_named(tmp_path, fit):
    with pytest.raises(ValueError, match=r'none.yaml cannot be read'):
        write(tmp_path / 'none.yaml', fit)


@pytest.mark.parametrize('text', ['', 'name: board\n', '- 1\n', 'sources: {fit: x}\n'])
def test_a_file_that_is_no_description_is_named(file, fit, text):
    file.write_text(text)
    with pytest.raises(ValueError, match=r"board.yaml: .*'fit'.*expected"):
        write(file, fit)


def test_a_file_that_is_no_yaml_is_named(file, fit):
    file.write_text('a: [')
    with pytest.raises(ValueError, match=r'board.yaml cannot be read'):
        write(file, fit)


def test_a_table_of_other_clocks_is_replaced_whole(file, fit):
    """The file need not load before: a new description has no table yet."""
    replace(file, '          - 100000000\n', '')
    replace(file, '[2, 3]', '[]')
    write(file, fit)
    assert load_platform(str(file)).processors['gpu'].busy_power == fit.busy_power


def test_a_fit_that_the_description_cannot_hold_leaves_it_as_it_is(file, fit):
    replace(file, 'idle_power_w: {value: 1.0', 'idle_power_w: {value: 2.9')
    before = file.read_text()
    with pytest.raises(ValueError, match=r'left as it is: with the fit, .*at least idle_power_w'):
        write(file, fit)
    assert file.read_text() == before
    assert [each.name for each in file.parent.iterdir() if each.is_file()] == ['board.yaml']


def test_sources_on_one_line_are_left_as_they_are(file, fit):
    file.write_text(DESCRIPTION)
    with pytest.raises(ValueError, match=r'is left as it is: with the fit, .*readable YAML'):
        write(file, fit)
    assert file.read_text() == DESCRIPTION


def test_the_fragment_for_a_new_description_has_all_that_was_fitted(fit):
    text = fragment(fit, processor='npu', source='mine', citation='by me: 1 %')
    content = yaml.safe_load(text)
    latency = content['processors']['npu']['latency']
    assert content['sources'] == {'mine': 'by me: 1 %'}
    assert latency['overhead_s_per_layer'] == {'value': 2e-4, 'source': 'mine'}
    assert latency['flop_per_cycle'] == {'value': 100, 'source': 'mine'}
    assert content['processors']['npu']['busy_power']['power_w']['value'] == list(
        fit.busy_power.power_w
    )
