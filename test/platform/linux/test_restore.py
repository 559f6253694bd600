"""Clocks are left as they were found, whatever happens."""

from __future__ import annotations

import errno
import gc
import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from boards import CPU, DEVFREQ, TURNABLE, xavier_nx_jetpack5
from fake_kernel import FakeKernel, Killed

from dynofa_ros.platform import DomainSetting, PlatformError
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine, restore_frequencies
from dynofa_ros.platform.linux.record import NAME, default_record_file

Board = Callable[[str], FakeKernel]
Opener = Callable[..., LinuxDevice]
GPU = f'{DEVFREQ}/17000000.gv11b'


def slow(device: LinuxDevice) -> bool:
    """Turn everything to its lowest frequency but one."""
    domains = device.state().domains.values()
    settings = [
        DomainSetting(each.name, frequency_hz=each.available_frequencies_hz[-2])
        for each in domains
        if each.settable
    ]
    return device.apply(settings).applied


@pytest.fixture
def record_file(tmp_path: Path) -> Path:
    return tmp_path / 'state' / 'clocks.json'


@pytest.fixture
def kernel(board: Board) -> FakeKernel:
    return board('xavier_nx_jetpack5')


@pytest.mark.parametrize('name', TURNABLE)
def test_closing_puts_every_board_back(board: Board, open_board: Opener, name: str) -> None:
    kernel = board(name)
    before = kernel.snapshot()
    with open_board(kernel) as device:
        assert slow(device)
        assert kernel.snapshot() != before
    assert kernel.snapshot() == before


def test_an_exception_puts_back(kernel: FakeKernel, open_board: Opener) -> None:
    before = kernel.snapshot()
    with pytest.raises(RuntimeError), open_board(kernel) as device:
        slow(device)
        raise RuntimeError
    assert kernel.snapshot() == before


def test_a_governor_userspace_gets_its_speed_back(kernel: FakeKernel, open_board: Opener) -> None:
    folder = f'{CPU}/policy0'
    kernel.write(f'{folder}/scaling_governor', 'userspace')
    kernel.write(f'{folder}/scaling_setspeed', '806400')
    before = kernel.snapshot()
    with open_board(kernel) as device:
        device.apply([DomainSetting('cpu', min_frequency_hz=115.2e6, max_frequency_hz=1190.4e6)])
        assert kernel.read(f'{folder}/scaling_governor') == 'schedutil'
    assert kernel.snapshot() == before
    assert kernel.read(f'{folder}/scaling_setspeed') == '806400'


def test_the_record_is_there_before_the_first_write_and_gone_after(
    kernel: FakeKernel, open_board: Opener, record_file: Path, synced: list[int]
) -> None:
    seen = []
    write = kernel.write

    def see(name: str, text: str) -> None:
        seen.append((record_file.exists(), len(synced)))
        write(name, text)

    kernel.write = see
    with open_board(kernel) as device:
        assert not record_file.exists()
        before = len(synced)
        slow(device)
    assert all(there and count == before + 2 for there, count in seen)  # the file, its folder
    assert not record_file.exists()


def test_putting_back_twice_is_putting_back_once(kernel: FakeKernel, open_board: Opener) -> None:
    device = open_board(kernel)
    slow(device)
    assert len(device.restore_frequencies().done) == 4
    writes = len(kernel.log)
    assert str(device.restore_frequencies()) == 'no clock was turned: nothing to put back'
    assert len(kernel.log) == writes


def test_what_was_never_turned_is_never_written(kernel: FakeKernel, open_board: Opener) -> None:
    with open_board(kernel) as device:
        device.apply([DomainSetting('gpu', frequency_hz=510e6)])
        kernel.put(f'{CPU}/policy0/scaling_governor', 'performance')  # somebody else's
    assert kernel.read(f'{CPU}/policy0/scaling_governor') == 'performance'


def test_a_file_that_cannot_be_written_is_named_and_kept_for_the_next_time(
    kernel: FakeKernel, open_board: Opener, record_file: Path
) -> None:
    before = kernel.snapshot()
    device = open_board(kernel)
    slow(device)
    kernel.answers[f'{GPU}/max_freq'] = errno.EBUSY
    result = device.restore_frequencies()
    assert len(result.done) == 3
    assert 'max_freq' in result.failed[0]
    assert 'EBUSY' in result.failed[0]
    assert list(json.loads(record_file.read_text())['settings']) == [GPU]
    kernel.answers.clear()
    assert device.restore_frequencies().failed == ()
    assert kernel.snapshot() == before


def test_a_device_that_is_gone_does_not_keep_the_others(
    kernel: FakeKernel, open_board: Opener
) -> None:
    device = open_board(kernel)
    slow(device)
    kernel.vanish_after[GPU] = 0
    result = device.restore_frequencies()
    assert len(result.done) == 3
    assert 'No such device' in result.failed[0]


@pytest.mark.parametrize('writes', range(0, 12, 2))
def test_the_next_start_puts_back_what_a_killed_process_turned(
    kernel: FakeKernel, open_board: Opener, writes: int
) -> None:
    before = kernel.snapshot()
    kernel.kill_after = writes
    device = open_board(kernel)
    with pytest.raises(Killed):
        while True:
            slow(device)
            device.restore_frequencies()
    del device
    gc.collect()
    kernel.kill_after = None
    with open_board(kernel):
        assert kernel.snapshot() == before


def _turn_and_die(root: Path, record_file: Path) -> None:
    kernel = FakeKernel(root)
    machine = LinuxMachine.discover(kernel)
    device = LinuxDevice(kernel, machine, name='board', record_file=record_file, clock=lambda: 0.0)
    slow(device)
    os.kill(os.getpid(), signal.SIGKILL)


def test_after_kill_9_it_is_put_back_by_hand(tmp_path: Path, record_file: Path) -> None:
    kernel = xavier_nx_jetpack5(tmp_path / 'root')
    before = kernel.snapshot()
    process = multiprocessing.get_context('fork').Process(
        target=_turn_and_die, args=(kernel.root, record_file)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert kernel.snapshot() != before
    assert len(restore_frequencies(kernel, record_file).done) == 4
    assert kernel.snapshot() == before


def test_two_processes_do_not_turn_clocks_together(
    kernel: FakeKernel, open_board: Opener, record_file: Path
) -> None:
    with open_board(kernel) as first:
        second = open_board(kernel)
        assert (
            'held by another process'
            in second.apply([DomainSetting('gpu', frequency_hz=510e6)]).text
        )
        assert slow(first)
        with pytest.raises(PlatformError, match='held by another process'):
            restore_frequencies(kernel, record_file)


def test_after_a_restart_of_the_machine_there_is_nothing_to_put_back(
    kernel: FakeKernel, open_board: Opener, record_file: Path
) -> None:
    device = open_board(kernel)
    slow(device)
    left = record_file.read_text()
    device.close()
    record_file.write_text(left)
    kernel.put('/proc/sys/kernel/random/boot_id', 'second-boot')
    writes = len(kernel.log)
    assert restore_frequencies(kernel, record_file).done == ()
    assert len(kernel.log) == writes
    assert not record_file.exists()


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        '{"boot_id": "first-boot"}',
        '{"boot_id": "first-boot", "settings": {"/x": {"governor": 1, "lowest": 1, "highest": 2}}}',
        '{"boot_id": "first-boot", "settings": {"/x": {"governor": "a", "lowest": "1"}}}',
    ],
)
def test_a_state_file_that_is_none_turns_nothing(
    kernel: FakeKernel, open_board: Opener, record_file: Path, text: str
) -> None:
    record_file.parent.mkdir()
    record_file.write_text(text)
    device = open_board(kernel)
    assert not device.state().domains['gpu'].settable
    assert 'is no record of clocks' in device.why_not('gpu')
    assert record_file.read_text() == text
    assert kernel.log == []


def test_a_state_file_names_no_file_outside_the_machines_clocks(
    kernel: FakeKernel, record_file: Path
) -> None:
    kernel.put('/etc/scaling_min_freq', 1)
    setting = {'governor': 'x', 'lowest': 2, 'highest': 3, 'speed': None}
    record_file.parent.mkdir()
    record_file.write_text(json.dumps({'boot_id': 'first-boot', 'settings': {'/etc': setting}}))
    assert 'no longer there' in restore_frequencies(kernel, record_file).failed[0]
    assert kernel.read('/etc/scaling_min_freq') == '1'


def test_without_a_place_for_the_state_file_nothing_is_turned(
    kernel: FakeKernel, open_board: Opener, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('')
    device = open_board(kernel, record_file=tmp_path / 'file' / 'clocks.json')
    assert 'cannot be written' in device.apply([DomainSetting('gpu', frequency_hz=510e6)]).text
    assert kernel.log == []


def test_a_state_file_that_can_no_longer_be_written_turns_nothing(
    kernel: FakeKernel, open_board: Opener, record_file: Path
) -> None:
    device = open_board(kernel)
    record_file.mkdir()
    assert not device.apply([DomainSetting('gpu', frequency_hz=510e6)]).applied
    assert kernel.log == []


def test_the_state_file_lies_where_the_service_keeps_its_state() -> None:
    environment = {'STATE_DIRECTORY': '/var/lib/a:/var/lib/b'}
    assert default_record_file(environment) == Path('/var/lib/a') / NAME


def test_without_a_service_it_lies_with_the_system_if_that_is_allowed(tmp_path: Path) -> None:
    found = default_record_file({}, system=tmp_path / 'dynofa')
    assert found == tmp_path / 'dynofa' / NAME


def test_else_it_lies_with_the_user(tmp_path: Path) -> None:
    environment = {'XDG_STATE_HOME': str(tmp_path)}
    found = default_record_file(environment, system=tmp_path / 'none' / 'dynofa')
    assert found == tmp_path / 'dynofa' / NAME
