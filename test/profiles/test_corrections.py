# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Corrections survive a restart beside their profile, and no longer than it."""

import json
from dataclasses import replace

import pytest

from dynofa_ros.profiles.corrections import corrections_file, save_corrections, with_corrections
from dynofa_ros.profiles.stored import StoredProfile
from dynofa_ros.runtime import OperatingPoint, Profile
from dynofa_ros.runtime.estimation.correction import Correction

LEARNED = {('small', 'gpu'): Correction(1.5, 0.02), ('large', 'cpu'): Correction(0.9, 0.1)}


@pytest.fixture
def profile():
    points = tuple(
        OperatingPoint(name, 'torch', 'gpu', 1, 1e9, latency_s, 0.001, 0.1, 0.7, 100, 10)
        for name, latency_s in (('small', 0.02), ('large', 0.05))
    )
    return Profile('camera', 'supernet', 'board', 'measured', 'modelled', points)


@pytest.fixture
def file(tmp_path):
    return corrections_file(tmp_path / 'folder' / 'camera.json')


def test_the_file_is_beside_the_profile(tmp_path):
    assert corrections_file(tmp_path / 'a.json') == tmp_path / 'a.corrections.json'


def test_what_was_saved_is_read_again(file, profile):
    save_corrections(file, LEARNED, profile)
    again = with_corrections(profile, file)
    assert again.corrections == LEARNED
    assert again.is_same_as(profile)


def test_without_a_file_there_are_none(file, profile):
    assert with_corrections(profile, file) is profile


def test_a_profile_that_was_measured_again_needs_none(file, profile):
    save_corrections(file, LEARNED, profile)
    first, *others = profile.points
    measured = replace(profile, points=(replace(first, latency_s=0.03), *others))
    assert not with_corrections(measured, file).corrections


def test_the_order_of_the_points_does_not_matter(file, profile):
    save_corrections(file, LEARNED, profile)
    reordered = replace(profile, points=profile.points[::-1])
    assert with_corrections(reordered, file).corrections == LEARNED


@pytest.mark.parametrize('correction', [0.0, -1.0, 1e6, 'fast'])
def test_an_impossible_correction_is_refused_and_named(file, profile, correction):
    save_corrections(file, LEARNED, profile)
    document = json.loads(file.read_text())
    document['corrections'][0]['correction'] = correction
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r'camera.corrections.json: corrections.*correction is '):
        with_corrections(profile, file)


def test_the_file_of_the_profile_has_no_corrections(tmp_path, profile):
    path = tmp_path / 'camera.json'
    StoredProfile(replace(profile, corrections=LEARNED), None).save(path)
    assert 'corrections' not in json.loads(path.read_text())
    assert not StoredProfile.load(path, 'camera').profile.corrections
