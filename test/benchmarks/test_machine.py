"""What a benchmark says of its machine, and how it writes its figures."""

import argparse
import os
import platform

import pytest


@pytest.fixture(scope='module')
def machine(load):
    return load('machine')


def test_the_facts_name_processor_cores_and_versions(machine):
    import torch

    facts = machine.facts()
    assert facts['cpu']
    assert facts['cores'] == len(os.sched_getaffinity(0))
    assert facts['python'] == platform.python_version()
    assert facts['packages']['torch'].split('+')[0] == str(torch.__version__).split('+')[0]


def test_a_package_that_is_not_installed_has_no_version(machine, monkeypatch):
    monkeypatch.setattr(machine, 'PACKAGES', ('torch', 'not-a-package-of-this-machine'))
    assert list(machine.versions()) == ['torch']


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({'proc/cpuinfo': 'processor : 0\nmodel name\t: Fast CPU 9000\n'}, 'Fast CPU 9000'),
        (
            {'proc/cpuinfo': 'processor : 0\n', 'proc/device-tree/model': 'Robot board\0'},
            'Robot board',
        ),
        ({}, platform.processor() or platform.machine()),
    ],
)
def test_the_processor_is_named_by_what_the_system_knows(machine, tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine.cpu_model(tmp_path) == expected


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'many', ''])
def test_a_count_is_an_integer_above_0(machine, text):
    with pytest.raises(argparse.ArgumentTypeError, match='no integer above 0'):
        machine.count(text)


def test_a_file_for_figures_is_refused_before_anything_is_measured(machine, tmp_path):
    assert machine.json_file(str(tmp_path / 'f.json')) == tmp_path / 'f.json'
    for wrong in (tmp_path, tmp_path / 'missing' / 'f.json'):
        with pytest.raises(argparse.ArgumentTypeError, match='no file in a folder that exists'):
            machine.json_file(str(wrong))
