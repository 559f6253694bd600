# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import subprocess
from pathlib import Path

import pytest

from dynofa_ros.supernet import create_supernet
from dynofa_ros.supernet.official_weights import (
    OFFICIAL_WEIGHTS,
    Checksum,
    WeightsError,
    cache_folder,
    weights_path,
)

NAME = 'ofa_resnet50'


@pytest.mark.parametrize('name', OFFICIAL_WEIGHTS)
def test_all_official_weights_have_a_supernet(name):
    assert create_supernet(name).spec.name == name


@pytest.mark.parametrize('weights', OFFICIAL_WEIGHTS.values(), ids=OFFICIAL_WEIGHTS)
def test_urls_are_https_urls_of_the_authors(weights):
    assert weights.url.startswith(
        ('https://raw.githubusercontent.com/han-cai/files/', 'https://huggingface.co/han-cai/ofa/')
    )


def test_fetched_weights_are_found(tmp_path):
    (tmp_path / NAME).write_bytes(b'')
    assert weights_path(NAME, tmp_path) == tmp_path / NAME


def test_an_error_for_missing_weights_includes_the_command_to_fetch_them(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(WeightsError, match=f'fetch it: dynofa fetch-weights {NAME}$'):
        weights_path(NAME)


def test_the_command_to_fetch_weights_includes_the_folder(tmp_path):
    with pytest.raises(WeightsError, match=f'fetch-weights {NAME} --to {tmp_path}$'):
        weights_path(NAME, tmp_path)


def test_a_supernet_without_official_weights_is_refused():
    with pytest.raises(
        WeightsError, match=r"official weights is 'vit_cifar10'; expected ofa_mbv3_d234_e346"
    ):
        weights_path('vit_cifar10')


def test_the_cache_is_in_the_home_folder_by_default(monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME', raising=False)
    assert cache_folder() == Path.home() / '.cache' / 'dynofa_ros'


def test_a_sha256_matches_that_of_the_empty_file(tmp_path):
    (tmp_path / 'empty').write_bytes(b'')
    digits = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    assert Checksum.of(tmp_path / 'empty') == Checksum('sha256', digits)


def test_a_git_blob_checksum_equals_that_of_git(tmp_path):
    file = tmp_path / 'file'
    file.write_bytes(b'some weights' * 100_000)
    git = subprocess.run(['git', 'hash-object', file], capture_output=True, text=True, check=True)
    assert Checksum.of(file, 'git blob').digits == git.stdout.strip()


@pytest.mark.parametrize(
    ('kind', 'digits', 'message'),
    [
        ('md5', '0' * 32, "checksum kind is 'md5'; expected sha256, git blob"),
        ('sha256', '0' * 63, 'expected 64 digits of 0-9, a-f'),
        ('git blob', 'g' * 40, 'expected 40 digits of 0-9, a-f'),
    ],
)
def test_an_invalid_checksum_is_refused(kind, digits, message):
    with pytest.raises(WeightsError, match=message):
        Checksum(kind, digits)
