"""Which machine this is, also where Linux says it in another way."""

from __future__ import annotations

from pathlib import Path

import pytest

from dynofa_ros.platform import PlatformError
from dynofa_ros.platform.host import Host, cpu_model


def test_this_machine_is_the_same_twice() -> None:
    assert Host.here() == Host.here()


def test_a_machine_in_words_names_all_of_it() -> None:
    assert str(Host('robot', 'aarch64', 'Cortex')) == 'robot aarch64 (Cortex)'


def test_the_cpu_is_that_of_cpuinfo(tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nmodel name\t: Fast CPU @ 3: GHz\n')
    assert cpu_model(tmp_path) == 'Fast CPU @ 3: GHz'


def test_a_board_is_named_by_its_device_tree(tmp_path: Path) -> None:
    (tmp_path / 'cpuinfo').write_text('processor\t: 0\nCPU part\t: 0x004\n')
    (tmp_path / 'device-tree').mkdir()
    (tmp_path / 'device-tree' / 'model').write_text('Some Board\0')
    assert cpu_model(tmp_path) == 'Some Board'


def test_a_cpu_without_a_name_is_unknown(tmp_path: Path) -> None:
    assert cpu_model(tmp_path) == 'unknown'


def test_a_machine_without_a_name_is_refused() -> None:
    with pytest.raises(PlatformError, match='name'):
        Host('', 'x86_64', 'CPU')
