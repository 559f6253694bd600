# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The identity of a machine, on x86-64 and on ARM."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.host import Host, cpu_model


def test_the_identity_is_stable() -> None:
    assert Host.here() == Host.here()


def test_the_description_has_all_fields() -> None:
    assert str(Host('robot', 'aarch64', 'Cortex')) == 'robot aarch64 (Cortex)'


def test_the_cpu_is_read_from_cpuinfo(tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nmodel name\t: Fast CPU @ 3: GHz\n')
    assert cpu_model(tmp_path) == 'Fast CPU @ 3: GHz'


def test_the_board_is_read_from_the_device_tree(tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nCPU part\t: 0x004\n')
    (tmp_path / 'device-tree').mkdir()
    (tmp_path / 'device-tree' / 'model').write_text('Some Board\0')
    assert cpu_model(tmp_path) == 'Some Board'


def test_a_cpu_without_a_model_name_is_unknown(tmp_path: Path) -> None:
    assert cpu_model(tmp_path) == 'unknown'


def test_an_empty_host_name_is_refused() -> None:
    with pytest.raises(PlatformError, match='name'):
        Host('', 'x86_64', 'CPU')
