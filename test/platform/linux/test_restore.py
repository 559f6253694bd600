# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The original frequency settings are restored, whatever happens."""

import errno
import gc
import json
import multiprocessing
import os
import shutil
import signal
from contextlib import closing
from pathlib import Path

import pytest
from boards import CPU, DEVFREQ, WITH_CLOCKS, at, linux_device
from fake_kernel import FakeKernel, Killed

from dynofa_ros.platform import DomainSetting, PlatformError
from dynofa_ros.platform.linux import restore_frequencies
from dynofa_ros.platform.linux.machine_lock import MachineLock
from dynofa_ros.platform.linux.restore import NAME, RestoreResult, default_state_file

GPU = f'{DEVFREQ}/17000000.gv11b'


def slow_down(device):
    """Set every settable domain to its second-highest frequency."""
    domains = device.state().domains.values()
    settings = [
        DomainSetting(each.name, frequency_hz=each.available_frequencies_hz[-2])
        for each in domains
        if each.settable
    ]
    return device.apply(settings).applied


@pytest.mark.parametrize('name', WITH_CLOCKS)
def test_closing_restores_every_board(board, open_board, name):
    kernel = board(name)
    before = kernel.snapshot()
    with closing(open_board(kernel)) as device:
        assert slow_down(device)
        assert kernel.snapshot() != before
    assert kernel.snapshot() == before


def test_an_exception_restores(kernel, open_board):
    before = kernel.snapshot()
    with pytest.raises(RuntimeError), closing(open_board(kernel)) as device:
        slow_down(device)
        raise RuntimeError
    assert kernel.snapshot() == before


def test_the_speed_of_the_governor_userspace_is_restored(kernel, open_board):
    folder = f'{CPU}/policy0'
    kernel.write(f'{folder}/scaling_governor', 'userspace')
    kernel.write(f'{folder}/scaling_setspeed', '806400')
    before = kernel.snapshot()
    with closing(open_board(kernel)) as device:
        device.apply([DomainSetting('cpu', min_frequency_hz=115.2e6, max_frequency_hz=1190.4e6)])
        assert kernel.read(f'{folder}/scaling_governor') == 'schedutil'
    assert kernel.snapshot() == before
    assert kernel.read(f'{folder}/scaling_setspeed') == '806400'


def test_settings_are_on_disk_before_the_first_write_and_deleted_at_the_end(
    kernel, open_board, state_file, synced
):
    observed = []
    write = kernel.write

    def observe(name, text):
        observed.append((state_file.exists(), len(synced)))
        write(name, text)

    kernel.write = observe
    with closing(open_board(kernel)) as device:
        assert not state_file.exists()
        before = len(synced)
        slow_down(device)
    assert all(
        exists and count == before + 2 for exists, count in observed
    )  # the file and its folder
    assert not state_file.exists()


def test_restoring_is_idempotent(kernel, open_board):
    device = open_board(kernel)
    slow_down(device)
    assert len(device.restore_frequencies().done) == 4
    writes = len(kernel.log)
    assert str(device.restore_frequencies()) == 'no frequency was changed: nothing to restore'
    assert len(kernel.log) == writes


def test_controls_that_were_never_set_are_never_written(kernel, open_board):
    with closing(open_board(kernel)) as device:
        device.apply(at('gpu', 510e6))
        kernel.put(f'{CPU}/policy0/scaling_governor', 'performance')  # by another program
    assert kernel.read(f'{CPU}/policy0/scaling_governor') == 'performance'


def test_a_setting_that_cannot_be_restored_is_reported_and_stays_saved(
    kernel, open_board, state_file
):
    before = kernel.snapshot()
    device = open_board(kernel)
    slow_down(device)
    kernel.answers[f'{GPU}/max_freq'] = errno.EBUSY
    result = device.restore_frequencies()
    assert len(result.done) == 3
    assert 'max_freq' in result.failed[0]
    assert 'EBUSY' in result.failed[0]
    assert list(json.loads(state_file.read_text())['settings']) == [GPU]
    kernel.answers.clear()
    assert device.restore_frequencies().failed == ()
    assert kernel.snapshot() == before


def test_a_removed_device_does_not_block_the_others(kernel, open_board):
    device = open_board(kernel)
    slow_down(device)
    kernel.vanish_after[GPU] = 0
    result = device.restore_frequencies()
    assert len(result.done) == 3
    assert 'No such device' in result.failed[0]


@pytest.mark.parametrize('writes', range(0, 12, 2))
def test_the_next_start_restores_after_a_kill_at_any_write(kernel, open_board, writes):
    before = kernel.snapshot()
    kernel.kill_after = writes
    device = open_board(kernel)
    with pytest.raises(Killed):
        while True:
            slow_down(device)
            device.restore_frequencies()
    del device
    gc.collect()
    kernel.kill_after = None
    with closing(open_board(kernel)):
        assert kernel.snapshot() == before


def _slow_down_and_die(root, state_file):
    device = linux_device(FakeKernel(root), state_file=state_file, clock=lambda: 0.0)
    slow_down(device)
    os.kill(os.getpid(), signal.SIGKILL)


def test_settings_can_be_restored_by_hand_after_kill_9(kernel, state_file):
    before = kernel.snapshot()
    process = multiprocessing.get_context('fork').Process(
        target=_slow_down_and_die, args=(kernel.root, state_file)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert kernel.snapshot() != before
    assert len(restore_frequencies(kernel, state_file).done) == 4
    assert kernel.snapshot() == before


def test_only_one_process_can_set_frequencies(kernel, open_board, state_file):
    with closing(open_board(kernel)) as first:
        second = open_board(kernel)
        assert 'another process sets frequencies' in second.apply(at('gpu', 510e6)).text
        assert slow_down(first)
        with pytest.raises(PlatformError, match='another process sets frequencies'):
            restore_frequencies(kernel, state_file)


def test_after_a_reboot_there_is_nothing_to_restore(kernel, open_board, state_file):
    device = open_board(kernel)
    slow_down(device)
    left = state_file.read_text()
    device.close()
    state_file.write_text(left)
    kernel.put('/proc/sys/kernel/random/boot_id', 'second-boot')
    writes = len(kernel.log)
    assert restore_frequencies(kernel, state_file).done == ()
    assert len(kernel.log) == writes
    assert not state_file.exists()


@pytest.mark.parametrize('other', ['user/clocks.json', 'state/other.json'])
def test_there_is_one_lock_per_machine_whatever_the_state_file(kernel, open_board, tmp_path, other):
    before = kernel.snapshot()
    with closing(open_board(kernel)) as service:
        user = open_board(kernel, state_file=tmp_path / other)
        assert 'another process sets frequencies' in user.apply(at('gpu', 510e6)).text
        assert slow_down(service)
        user.close()
        assert kernel.snapshot() != before
    assert kernel.snapshot() == before


def _hold_the_lock(root, ready):
    lock = MachineLock(FakeKernel(root))
    ready.send(lock is not None)
    signal.pause()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can become another user')
def test_the_lock_also_holds_between_users(kernel, open_board):
    for folder in (kernel.root, *kernel.root.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path('/'):
            folder.chmod(folder.stat().st_mode | 0o055)
    fork = multiprocessing.get_context('fork')
    here, there = fork.Pipe()

    def other_user():
        os.setgid(12345)
        os.setuid(12345)
        _hold_the_lock(kernel.root, there)

    process = fork.Process(target=other_user)
    process.start()
    try:
        assert here.poll(60)
        assert here.recv()
        device = open_board(kernel)
        assert 'another process sets frequencies' in device.reason_not_settable('gpu')
    finally:
        process.kill()
        process.join()
    assert device.take_control().applied  # Linux released the lock of the dead process
    assert device.reason_not_settable('gpu') == ''


def test_a_process_takes_over_from_one_that_died(kernel, open_board):
    before = kernel.snapshot()
    first = open_board(kernel)
    second = open_board(kernel)
    slow_down(first)
    assert second.take_control().applied
    assert kernel.snapshot() != before
    del first
    gc.collect()
    assert 'restored: ' in second.take_control().text
    assert kernel.snapshot() == before
    assert slow_down(second)


@pytest.mark.parametrize(
    'damage',
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b'\xff\xfe\x00'),
        lambda file: file.write_text(''),
        lambda file: file.write_text('[' * 200_000),
        lambda file: file.chmod(0),
        lambda file: (file.unlink(), os.mkfifo(file)),
        lambda file: (file.unlink(), file.symlink_to('/nonexistent')),
        lambda file: shutil.rmtree(file.parent),
    ],
    ids=['vanished', 'not_utf8', 'empty', 'nested', 'unreadable', 'fifo', 'link', 'no_folder'],
)
def test_the_settings_are_in_memory_too(kernel, open_board, state_file, damage):
    before = kernel.snapshot()
    device = open_board(kernel)
    device.apply(at('gpu', 510e6))
    damage(state_file)
    assert device.apply(at('cpu', 1190.4e6)).applied
    assert set(json.loads(state_file.read_text())['settings']) >= {GPU}
    damage(state_file)
    assert device.restore().applied
    assert kernel.snapshot() == before
    assert not os.path.lexists(state_file)


def test_a_state_file_that_cannot_be_deleted_is_a_failure_until_it_can(
    kernel, open_board, state_file
):
    before = kernel.snapshot()
    device = open_board(kernel)
    slow_down(device)
    state_file.unlink()
    state_file.mkdir()  # cannot be deleted as a file
    result = device.restore()
    assert kernel.snapshot() == before
    assert (result.applied, 'expected a writable file' in result.text) == (False, True)
    state_file.rmdir()
    assert device.restore().applied


def test_the_limits_that_are_allowed_are_those_before_a_crash(kernel, open_board):
    device = open_board(kernel)
    allowed = device.state().domains['gpu'].available_frequencies_hz
    device.apply([DomainSetting('gpu', max_frequency_hz=510e6)])
    kernel.answers[f'{GPU}/max_freq'] = errno.EBUSY
    del device
    gc.collect()
    device = open_board(kernel)
    assert device.restored_at_start.failed
    assert device.state().domains['gpu'].available_frequencies_hz != allowed
    kernel.answers.clear()
    assert device.restore().applied
    assert device.state().domains['gpu'].available_frequencies_hz == allowed


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        '[' * 200_000,
        '{"boot_id": "first-boot", "settings": {"/x": {"governor": "a", "lowest": 1, '
        f'"highest": {10**400}}}}}}}',
        '{"boot_id": "first-boot"}',
        '{"boot_id": "first-boot", "settings": {"/x": {"governor": 1, "lowest": 1, "highest": 2}}}',
        '{"boot_id": "first-boot", "settings": {"/x": {"governor": "a", "lowest": "1"}}}',
    ],
)
def test_with_an_invalid_state_file_nothing_is_settable(kernel, open_board, state_file, text):
    state_file.parent.mkdir()
    state_file.write_text(text)
    device = open_board(kernel)
    assert not device.state().domains['gpu'].settable
    assert 'expected saved frequency settings' in device.reason_not_settable('gpu')
    assert state_file.read_text() == text
    assert kernel.log == []
    with pytest.raises(PlatformError, match='expected saved frequency settings'):
        restore_frequencies(kernel, state_file)


@pytest.mark.parametrize(
    'damage',
    [
        lambda file: file.write_bytes(b'{"boot_id": "first-boot\xff'),
        lambda file: os.mkfifo(file),
        lambda file: file.write_bytes(b' ' * (2 << 20)),
    ],
    ids=['not_utf8', 'fifo', 'huge'],
)
def test_with_a_damaged_state_file_nothing_is_settable_until_it_is_removed(
    kernel, open_board, state_file, damage
):
    state_file.parent.mkdir()
    damage(state_file)
    device = open_board(kernel)
    assert 'expected saved frequency settings' in device.reason_not_settable('gpu')
    state_file.unlink()
    assert device.take_control().applied
    assert slow_down(device)


def test_a_state_file_cannot_name_files_other_than_frequency_controls(kernel, state_file):
    kernel.put('/etc/scaling_min_freq', 1)
    setting = {'governor': 'x', 'lowest': 2, 'highest': 3, 'speed': None}
    state_file.parent.mkdir()
    state_file.write_text(json.dumps({'boot_id': 'first-boot', 'settings': {'/etc': setting}}))
    assert 'no longer exists' in restore_frequencies(kernel, state_file).failed[0]
    assert kernel.read('/etc/scaling_min_freq') == '1'


def test_without_a_folder_for_the_state_file_nothing_is_set(kernel, open_board, tmp_path):
    (tmp_path / 'file').write_text('')
    device = open_board(kernel, state_file=tmp_path / 'file' / 'clocks.json')
    outcome = device.apply(at('gpu', 510e6))
    assert outcome.applied is False
    assert outcome.text.endswith('expected a writable file: File exists')
    assert kernel.log == []


def test_if_the_state_file_becomes_unwritable_nothing_is_set(kernel, open_board, state_file):
    device = open_board(kernel)
    state_file.mkdir()
    assert not device.apply(at('gpu', 510e6)).applied
    assert kernel.log == []


def test_by_default_the_state_file_is_in_the_state_directory_of_the_service():
    environment = {'STATE_DIRECTORY': '/var/lib/a:/var/lib/b'}
    assert default_state_file(environment) == Path('/var/lib/a') / NAME


def test_without_a_service_it_is_in_the_system_folder_if_that_is_writable(tmp_path):
    found = default_state_file({}, system=tmp_path / 'dynofa')
    assert found == tmp_path / 'dynofa' / NAME


def test_otherwise_it_is_in_the_state_directory_of_the_user(tmp_path):
    environment = {'XDG_STATE_HOME': str(tmp_path)}
    found = default_state_file(environment, system=tmp_path / 'none' / 'dynofa')
    assert found == tmp_path / 'dynofa' / NAME


HERE = f'{CPU}/policy0: schedutil, 115.2 to 1420.8 MHz'


@pytest.mark.parametrize(
    ('result', 'text'),
    [
        (RestoreResult(), 'no frequency was changed: nothing to restore'),
        (RestoreResult(('a', 'b')), 'restored: a\nrestored: b'),
        (RestoreResult((), ('c',)), 'NOT restored: c'),
        (RestoreResult(('a',), ('c', 'd')), 'restored: a\nNOT restored: c\nNOT restored: d'),
    ],
)
def test_the_result_has_one_line_for_each_setting(result, text):
    assert str(result) == text


def test_the_result_describes_what_was_restored(kernel, open_board):
    device = open_board(kernel)
    device.apply(at('cpu', 806.4e6))
    done = device.restore_frequencies().done
    assert done[0] == HERE
    assert [each.partition(': ')[2] for each in done] == [HERE.partition(': ')[2]] * 3


def test_the_state_file_has_the_boot_and_each_setting(kernel, open_board, state_file):
    open_board(kernel).apply(at('gpu', 510e6))
    setting = {'governor': 'nvhost_podgov', 'lowest': 114750000, 'highest': 1109250000}
    assert json.loads(state_file.read_text()) == {
        'boot_id': 'first-boot',
        'settings': {GPU: setting | {'speed': None}},
    }


@pytest.mark.parametrize(
    ('fields', 'valid'),
    [
        ({}, True),
        ({'speed': 5}, True),
        ({'lowest': 0, 'highest': 2**53 - 1}, True),
        ({'lowest': -1}, False),
        ({'highest': 2**53}, False),
        ({'lowest': 1.0}, False),
        ({'lowest': True}, False),
        ({'speed': 'x'}, False),
        ({'speed': -1}, False),
        ({'governor': None}, False),
        ({'other': 1}, False),
    ],
)
def test_each_field_of_a_saved_setting_is_checked(kernel, state_file, fields, valid):
    setting = {'governor': 'x', 'lowest': 2, 'highest': 3, 'speed': None} | fields
    state_file.parent.mkdir()
    state_file.write_text(json.dumps({'boot_id': 'first-boot', 'settings': {'/gone': setting}}))
    if valid:
        assert restore_frequencies(kernel, state_file).failed == ('/gone no longer exists',)
    else:
        with pytest.raises(PlatformError) as error:
            restore_frequencies(kernel, state_file)
        text = str(error.value)
        assert text.startswith('state file is ')
        assert text.endswith(
            "clocks.json'; expected saved frequency settings; check the frequencies by hand, then "
            'delete the file'
        )


def test_the_lock_is_free_after_an_unusable_state_file(kernel, state_file):
    state_file.parent.mkdir()
    state_file.write_text('x')
    with pytest.raises(PlatformError):
        restore_frequencies(kernel, state_file)
    MachineLock(kernel).release()


def test_a_lock_that_is_taken_is_named(kernel):
    lock = MachineLock(kernel)
    with pytest.raises(PlatformError) as error:
        MachineLock(kernel)
    # A long path is shortened in the middle.
    assert str(error.value).startswith("lock of the machine is '/")
    assert str(error.value).endswith(
        "/sys'; expected a lock that is free: another process sets frequencies"
    )
    lock.release()
    lock.release()
    MachineLock(kernel).release()


def test_without_the_folder_sys_there_is_no_lock(tmp_path):
    with pytest.raises(PlatformError) as error:
        MachineLock(FakeKernel(tmp_path))
    assert str(error.value).startswith("lock of the machine is '/")
    assert str(error.value).endswith("/sys'; expected a readable folder: No such file or directory")
    (tmp_path / 'sys').write_text('')
    with pytest.raises(PlatformError, match='expected a readable folder: Not a directory'):
        MachineLock(FakeKernel(tmp_path))


def test_a_folder_in_the_place_of_the_state_file_is_named(kernel, open_board, state_file):
    device = open_board(kernel)
    state_file.mkdir()
    text = device.apply(at('gpu', 510e6)).text
    assert text.startswith('state file is ')
    assert text.endswith("clocks.json'; expected a writable file: Is a directory")


@pytest.mark.parametrize(
    ('environment', 'place'),
    [
        ({}, 'home/.local/state/dynofa'),
        ({'XDG_STATE_HOME': ''}, 'home/.local/state/dynofa'),
        ({'STATE_DIRECTORY': ''}, 'home/.local/state/dynofa'),
        ({'XDG_STATE_HOME': '/xdg'}, '/xdg/dynofa'),
        ({'XDG_STATE_HOME': '/xdg', 'STATE_DIRECTORY': '/service'}, '/service'),
    ],
)
def test_the_place_of_the_state_file(tmp_path, monkeypatch, environment, place):
    monkeypatch.setattr(Path, 'home', lambda: tmp_path / 'home')
    found = default_state_file(environment, system=tmp_path / 'none' / 'dynofa')
    assert found == tmp_path / place / NAME


@pytest.mark.parametrize(
    ('writable', 'saved', 'chosen'),
    [(True, False, True), (False, True, True), (False, False, False)],
)
def test_a_system_folder_is_chosen_if_it_can_be_written_or_holds_settings(
    tmp_path, monkeypatch, writable, saved, chosen
):
    system = tmp_path / 'dynofa'
    system.mkdir()
    if saved:
        (system / NAME).write_text('{}')
    real = os.access
    monkeypatch.setattr(
        os, 'access', lambda path, mode: writable if mode == os.W_OK else real(path, mode)
    )
    found = default_state_file({'XDG_STATE_HOME': '/xdg'}, system=system)
    assert found == (system if chosen else Path('/xdg/dynofa')) / NAME
