# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What scripts/setup installs has a version and a hash."""

import importlib.util
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SCRIPTS = Path(__file__).resolve().parent.parent / 'scripts'
LOCKED = sorted(SCRIPTS.glob('requirements*.txt'))
PYTHONS = ('3.10', '3.11', '3.12', '3.13')


def entries(file):
    """Return requirement and hashes of each entry."""
    text = re.sub(r'^#.*\n', '', file.read_text(), flags=re.MULTILINE).replace('\\\n', '')
    for line in text.splitlines():
        requirement, *hashes = line.split(' --hash=sha256:')
        yield Requirement(requirement.strip()), [each.strip() for each in hashes]


def chosen(requirements, python, machine='x86_64'):
    """Return the versions of each package that hold on a target."""
    environment = {'python_version': python, 'platform_machine': machine}
    found = {}
    for each in requirements:
        if each.marker is None or each.marker.evaluate(environment):
            found.setdefault(canonicalize_name(each.name), []).append(str(each.specifier))
    return found


@pytest.mark.parametrize('file', LOCKED, ids=lambda file: file.stem)
def test_every_package_has_one_version_and_hashes(file):
    found = list(entries(file))
    assert found
    for requirement, hashes in found:
        assert re.fullmatch(r'==[\w.]+', str(requirement.specifier)), requirement
        assert hashes and all(re.fullmatch('[0-9a-f]{64}', each) for each in hashes), requirement
    for python in PYTHONS:
        versions = chosen([requirement for requirement, _ in found], python)
        assert all(len(each) == 1 for each in versions.values())


@pytest.mark.parametrize('source', sorted(SCRIPTS.glob('requirements*.in')), ids=lambda f: f.stem)
@pytest.mark.parametrize('python', PYTHONS)
def test_the_hashes_are_of_the_versions_that_are_asked_for(source, python):
    lines = (line.partition('#')[0].strip() for line in source.read_text().splitlines())
    wanted = chosen([Requirement(line) for line in lines if line], python)
    locked = chosen([each for each, _ in entries(source.with_suffix('.txt'))], python)
    assert {name: locked.get(name) for name in wanted} == wanted


def test_the_files_agree_on_versions():
    for python in PYTHONS:
        seen = {}
        for file in LOCKED:
            if file.stem == 'requirements-audit':  # in an environment of its own
                continue
            for name, version in chosen([each for each, _ in entries(file)], python).items():
                assert seen.setdefault(name, version) == version, name


@pytest.mark.parametrize('python', PYTHONS)
def test_the_pinned_versions_are_those_that_extras_allow(python):
    files = [each for each in LOCKED if each.stem != 'requirements-audit']
    pinned = chosen([each for file in files for each, _ in entries(file)], python)
    extras = ('run', 'train', 'demo', 'imagenet', 'images', 'onnxruntime', 'test')
    for requirement in map(Requirement, load_extras().extra_requirements(*extras)):
        (version,) = set(pinned[canonicalize_name(requirement.name)])
        assert requirement.specifier.contains(version.removeprefix('==')), requirement


def load_extras():
    path = SCRIPTS / 'extra_requirements.py'
    spec = importlib.util.spec_from_file_location('extra_requirements', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_extras_of_extras_are_followed_and_unknown_ones_refused():
    extras = load_extras()
    found = extras.extra_requirements('train')
    assert found == sorted(set(found))
    assert set(extras.extra_requirements('run')) < set(found)
    assert not [each for each in found if each.startswith('dynofa_ros')]
    with pytest.raises(ValueError, match=r"extra is 'fast'; expected one of audit, "):
        extras.extra_requirements('fast')
