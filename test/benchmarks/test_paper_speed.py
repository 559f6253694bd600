# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The comparison with slimmable networks: files, selection, tables and goals."""

import json

import pytest
import yaml

pytestmark = pytest.mark.no_cover

BLOCKS = [[16, 1, 3], [24, 2, 3], [24, 1, 5]]
CHANNELS = [8, 8, 24, 16, 48, 16, 64, 1000]
SLIMMABLE = {
    'autoslim_mnasnet': {
        'blocks': BLOCKS,
        'networks': [{'mmacs': 21, 'top1': 0.5, 'channels': CHANNELS}],
    },
    'autoslim_mobilenet_v2': {
        'blocks': BLOCKS,
        'networks': [{'mmacs': 21, 'top1': 0.6, 'channels': CHANNELS}],
    },
    'us_mobilenet_v2': {'widths': [0.1], 'mmacs': [10], 'top1': [0.4]},
}
SMALL = {'ks': [3] * 20, 'e': [3] * 20, 'd': [2] * 5, 'r': 128, 'top1': 0.65}
LARGE = {'ks': [3] * 20, 'e': [4] * 20, 'd': [2] * 5, 'r': 128, 'top1': 0.68}
WORSE = {'ks': [7] * 20, 'e': [6] * 20, 'd': [4] * 5, 'r': 128, 'top1': 0.66}


@pytest.fixture(scope='module')
def paper_speed(load):
    return load('paper_speed')


@pytest.fixture(scope='module')
def published(load):
    return load('published_networks')


@pytest.fixture
def files(tmp_path):
    slimmable, ofa = tmp_path / 'slimmable.yaml', tmp_path / 'ofa.jsonl'
    slimmable.write_text(yaml.safe_dump(SLIMMABLE))
    ofa.write_text('\n'.join(json.dumps(each) for each in (LARGE, WORSE, SMALL)))
    return slimmable, ofa


def test_all_slimmable_networks_of_a_file_are_built(published, files):
    found = published.slimmable_networks(files[0], seed=0)
    assert [each.name for each in found] == [
        'autoslim_mnasnet 21M',
        'autoslim_mobilenet_v2 21M',
        'us_mobilenet_v2 x0.1',
    ]
    assert [each.top1 for each in found] == [0.5, 0.6, 0.4]


def test_only_the_front_of_the_sub_networks_is_measured(published, files):
    found = published.ofa_front(files[1], seed=0)
    assert [each.top1 for each in found] == [0.65, 0.68]
    assert found[0].network.kept.flops < found[1].network.kept.flops


def row(name, family, top1, engine_s, eager_s):
    return {
        'network': name,
        'family': family,
        'top1': top1,
        'flops': 1,
        'published_flops': 1,
        'latency_s': {'engine': engine_s, 'eager': eager_s},
    }


def test_each_slimmable_network_is_compared_with_the_right_sub_networks(paper_speed):
    slim = row('slim', 'autoslim', 0.75, 0.030, 0.100)
    ofa = [
        row('fast', 'ofa', 0.70, 0.008, 0.040),
        row('equal', 'ofa', 0.75, 0.010, 0.050),
        row('better', 'ofa', 0.78, 0.030, 0.120),
    ]
    found = paper_speed._against(slim, [slim, *ofa])
    same = found[paper_speed.SAME_ENGINE]
    assert same['speed_up'] == pytest.approx(3.0)
    assert (same['fastest'], same['most_accurate']) == ('equal', 'better')
    assert same['points'] == pytest.approx(3.0)
    assert found[paper_speed.AUTHORS_WAY]['speed_up'] == pytest.approx(2.0)
    assert found[paper_speed.AUTHORS_WAY]['most_accurate'] == 'equal'
    assert found[paper_speed.OURS]['speed_up'] == pytest.approx(10.0)


def test_an_accuracy_that_no_sub_network_reaches_has_no_ratio(paper_speed):
    slim = row('slim', 'autoslim', 0.9, 0.001, 0.001)
    found = paper_speed._against(slim, [slim, row('ofa', 'ofa', 0.7, 0.01, 0.01)])
    assert found[paper_speed.SAME_ENGINE]['speed_up'] is None
    assert found[paper_speed.SAME_ENGINE]['points'] is None
    assert 'none reaches it; none is as fast' in paper_speed._comparison(
        [found], paper_speed.SAME_ENGINE
    )


def test_the_benchmark_writes_its_figures_and_a_picture(paper_speed, files, tmp_path, capsys):
    out, picture = tmp_path / 'out.json', tmp_path / 'fronts.png'
    arguments = ['--slimmable', str(files[0]), '--ofa', str(files[1]), '--quick']
    arguments += ['--rounds', '1', '--block', '1', '--json', str(out), '--picture', str(picture)]
    assert paper_speed.main(arguments) == 0
    document = json.loads(out.read_text())
    assert document['accuracy_source'] == 'published'
    assert [each['family'] for each in document['rows']] == ['autoslim_mnasnet', 'ofa']
    assert picture.read_bytes().startswith(b'\x89PNG')
    assert 'at its top-1' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('which', 'text', 'expected'),
    [
        (0, 'autoslim_mnasnet: {}', 'slimmable.yaml'),
        (1, '{"ks": [3]}', 'is not a list of measured sub-networks'),
        (1, '', 'is empty; expected one sub-network per line'),
    ],
)
def test_a_damaged_file_is_named(paper_speed, files, capsys, which, text, expected):
    files[which].write_text(text)
    status = paper_speed.main(['--slimmable', str(files[0]), '--ofa', str(files[1]), '--quick'])
    assert status == 1
    assert expected in capsys.readouterr().err
