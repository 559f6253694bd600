# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The udev rule gives the group access to exactly the files that the device layer needs."""

import fnmatch
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from boards import BOARDS, CPU, DEVFREQ

from dynofa_ros.platform.energy_meter import POWERCAP
from dynofa_ros.platform.linux import LinuxMachine
from dynofa_ros.platform.linux.access import GROUP
from dynofa_ros.platform.linux.domain import KINDS
from dynofa_ros.platform.linux.frequency_control import CPUFREQ
from dynofa_ros.platform.linux.frequency_control import DEVFREQ as DEVICES
from dynofa_ros.platform.linux.whitelist import DEFAULT_KINDS

RULES = Path(__file__).resolve().parents[3] / 'config' / 'udev' / '90-dynofa.rules'
RULE = re.compile(
    r'SUBSYSTEM=="(?P<subsystem>\w+)", (?:KERNEL=="(?P<kernel>[^"]+)", )?'
    r'ACTION=="(?P<actions>[\w|]+)", RUN\+="(?P<program>[^"]+)"'
)
PROGRAM = re.compile(r"/bin/sh -c '(?P<script>[^']+)'")


def rules():
    """Return the rules by their subsystem: every line except comments."""
    lines = RULES.read_text(encoding='utf-8').splitlines()
    found = [RULE.fullmatch(line) for line in lines if line and not line.startswith('#')]
    assert all(found)
    return {rule['subsystem']: rule for rule in found if rule}


def script(subsystem):
    """Return the shell script of a rule, before udev substitutes names."""
    program = PROGRAM.fullmatch(rules()[subsystem]['program'])
    assert program
    return program['script']


def named(subsystem):
    """Return the names of the files of a rule."""
    files = re.search(r'for file in ([^;]+);', script(subsystem))
    assert files
    return {Path(each).name for each in files[1].split()}


def run(root, subsystem, device):
    """Run the program of a rule for a device as udev does, below `root`, for our own group."""
    text = script(subsystem).replace('$$', '$').replace('%p', device.removeprefix('/sys'))
    text = text.replace('/sys/', f'{root}/sys/').replace(f' {GROUP} ', f' {group()} ')
    done = subprocess.run(['/bin/sh', '-c', text], capture_output=True, text=True, check=True)
    assert done.stderr == ''


def matches(subsystem, device):
    """Return whether a rule applies to a device, by its name."""
    patterns = rules()[subsystem]['kernel'] or '*'
    return any(fnmatch.fnmatchcase(device, each) for each in patterns.split('|'))


def group():
    """Return a group that this user may give files to, if possible not that of new files."""
    if os.geteuid() == 0:
        return 12345
    return next((each for each in os.getgroups() if each != os.getegid()), os.getegid())


def files_given(root, mode):
    """Return the files of the group whose group permissions are `mode`."""
    return {
        f'/{file.relative_to(root)}'
        for file in root.rglob('*')
        if file.is_file()
        and (found := file.stat()).st_gid == group()
        and stat.S_IMODE(found.st_mode) & 0o060 == mode
    }


def closed(kernel):
    """Make all files accessible to their owner only, as /sys does."""
    for file in kernel.root.rglob('*'):
        if file.is_file():
            file.chmod(0o600)
    return kernel


def run_for_all(kernel):
    run(kernel.root, 'cpu', '/sys/devices/system/cpu/cpu0')
    for name in kernel.names(DEVFREQ):
        if matches('devfreq', name):
            run(kernel.root, 'devfreq', f'{DEVFREQ}/{name}')


@pytest.mark.parametrize(('subsystem', 'interface'), [('cpu', CPUFREQ), ('devfreq', DEVICES)])
def test_a_rule_names_the_files_that_are_written(subsystem, interface):
    written = {interface.governor, interface.lowest, interface.highest, interface.speed}
    assert named(subsystem) == written - {''}


@pytest.mark.parametrize('subsystem', ['cpu', 'devfreq', 'powercap'])
def test_a_rule_uses_the_group_that_error_messages_recommend(subsystem):
    assert f'/bin/chgrp {GROUP} $$file' in script(subsystem)


def test_the_rule_also_applies_to_cores_that_come_online():
    assert set(rules()['cpu']['actions'].split('|')) == {'add', 'change', 'online'}


def test_the_rule_runs_after_the_driver_is_loaded():
    assert RULES.name > '80-drivers.rules'


@pytest.mark.parametrize('name', BOARDS)
def test_exactly_the_files_of_whitelisted_kinds_become_writable(board, name):
    kernel = closed(board(name))
    run_for_all(kernel)
    domains = LinuxMachine.discover(kernel).domains
    controls = [c for each in domains if each.kind in DEFAULT_KINDS for c in each.controls]
    given = files_given(kernel.root, mode=0o020)
    needed = {file for control in controls for file in control.files_to_write}
    possible = {
        control.file(each)
        for control in controls
        for each in named('devfreq' if control.interface is DEVICES else 'cpu')
    }
    assert needed <= given <= possible


@pytest.mark.parametrize(
    ('device', 'given'),
    [
        ('17000000.gv11b', True),
        ('17000000.gpu', True),
        ('gpu-gpc-0', True),
        ('fb000000.mali', True),
        ('5000000.qcom,kgsl-3d0', True),
        ('15340000.vic', False),
        ('dmc', False),
        ('1d84000.ufshc', False),
        ('31b00000.emc', False),
    ],
)
def test_of_devfreq_only_the_gpu_becomes_writable(device, given):
    assert matches('devfreq', device) == given


def test_the_rule_knows_every_gpu_that_the_device_layer_knows():
    patterns = rules()['devfreq']['kernel'].split('|')
    assert {each.strip('*') for each in patterns} == set(KINDS['gpu'])


def test_a_policy_without_scaling_setspeed_is_not_an_error(board):
    kernel = closed(board('raspberry_pi_5'))
    kernel.path(f'{CPU}/policy0/scaling_setspeed').unlink()
    run_for_all(kernel)
    assert f'{CPU}/policy0/scaling_min_freq' in files_given(kernel.root, mode=0o020)


def test_the_energy_counter_becomes_readable_only(board):
    kernel = closed(board('intel_laptop'))
    zones = [f'{POWERCAP}/{name}' for name in kernel.names(str(POWERCAP))]
    for zone in zones:
        run(kernel.root, 'powercap', zone)
    counters = {f'{zone}/energy_uj' for zone in zones if kernel.exists(f'{zone}/energy_uj')}
    assert counters
    assert files_given(kernel.root, mode=0o040) == counters
