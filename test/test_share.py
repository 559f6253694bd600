# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Data files are found in a workspace and in the checkout."""

from pathlib import Path

import pytest

from dynofa_ros.share import share_path

ROOT = Path(__file__).resolve().parent.parent


def test_the_workspace_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / 'share' / 'dynofa_ros' / 'config' / 'dynofa.yaml'
    file.parent.mkdir(parents=True)
    file.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}')
    assert share_path('config/dynofa.yaml') == file


def test_the_checkout_is_used_without_a_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    assert share_path('config/dynofa.yaml') == ROOT / 'config' / 'dynofa.yaml'


def test_a_missing_file_is_named_with_the_searched_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/nowhere')
    with pytest.raises(FileNotFoundError) as error:
        share_path('config/absent.yaml')
    assert '/nowhere/share/dynofa_ros/config/absent.yaml' in str(error.value)
    assert str(ROOT / 'config' / 'absent.yaml') in str(error.value)


@pytest.mark.parametrize('path', ['', '/etc/passwd', 'config/../../secret'])
def test_a_path_outside_the_share_folder_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match='relative path'):
        share_path(path)
