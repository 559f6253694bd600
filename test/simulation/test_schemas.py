# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The JSON schemas for editors are those of the value classes, and the shipped files name them."""

import json

import pytest

from dynofa_ros.share import share_path
from dynofa_ros.simulation.schemas import schemas

KINDS = {'platforms': 'platform', 'scenarios': 'scenario', 'networks': 'networks'}
SHIPPED = [
    file for folder in KINDS for file in sorted(share_path(f'config/{folder}').glob('*.yaml'))
]


@pytest.mark.parametrize('name', schemas())
def test_the_committed_schema_is_up_to_date(name):
    committed = json.loads(share_path(f'config/schemas/{name}').read_text())
    assert committed == schemas()[name], 'run python -m dynofa_ros.simulation.schemas'


@pytest.mark.parametrize('file', SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_file_names_its_schema_in_its_first_line(file):
    first = file.read_text().splitlines()[0]
    schema = first.removeprefix('# yaml-language-server: $schema=')
    assert (file.parent / schema).resolve().name == f'{KINDS[file.parent.name]}.schema.json'
    assert (file.parent / schema).is_file()


def test_a_number_of_a_platform_is_a_quantity_with_its_limits():
    battery = schemas()['platform.schema.json']['$defs']['Battery']
    energy = battery['properties']['energy_j']
    assert energy['required'] == ['value', 'source']
    assert energy['properties']['value'] == {'type': 'number', 'exclusiveMinimum': 0}


def test_the_name_of_a_section_is_its_key_alone():
    assert 'name' not in schemas()['platform.schema.json']['$defs']['Processor']['properties']
