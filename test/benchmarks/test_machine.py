# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The frame of a benchmark: machine facts and common options."""

import argparse
import os
import platform

import pytest


@pytest.fixture(scope='module')
def machine(load):
    return load('machine')


def test_the_facts_contain_processor_cores_and_versions(machine):
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
def test_the_name_of_the_processor_is_that_of_cpuinfo_or_the_board(
    machine, tmp_path, files, expected
):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert machine.cpu_model(tmp_path) == expected


@pytest.mark.parametrize('text', ['0', '-1', '1.5', 'many', ''])
def test_a_count_is_an_integer_above_0(machine, text):
    with pytest.raises(argparse.ArgumentTypeError, match='expected an integer above 0'):
        machine.count(text)


def test_a_file_that_cannot_be_written_is_refused(machine, tmp_path):
    assert machine.json_file(str(tmp_path / 'f.json')) == tmp_path / 'f.json'
    for wrong in (tmp_path, tmp_path / 'missing' / 'f.json'):
        with pytest.raises(
            argparse.ArgumentTypeError, match='expected a file in an existing folder'
        ):
            machine.json_file(str(wrong))
