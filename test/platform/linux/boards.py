# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Fake machines: the files that the device layer reads, as Linux lays them out.

Names and units are those of the kernel's documentation and of the boards' manuals; values are
plausible, not recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_kernel import UNSUPPORTED, FakeKernel

from dynofa_ros.platform import DomainSetting
from dynofa_ros.platform.linux import LinuxDevice, LinuxMachine

CPU = '/sys/devices/system/cpu/cpufreq'
DEVFREQ = '/sys/class/devfreq'
NX_CPU_KHZ = (115200, 806400, 1190400, 1420800, 1907200)
NX_GPU_HZ = (114750000, 204000000, 510000000, 803250000, 1109250000)


def policy(
    kernel: FakeKernel,
    cores: tuple[int, ...],
    khz: tuple[int, ...],
    *,
    driver: str,
    governors: str,
    governor: str,
    listed: bool = True,
    limits: tuple[int, int] | None = None,
) -> None:
    """Create a cpufreq policy."""
    folder = f'{CPU}/policy{cores[0]}'
    low, high = limits or (khz[0], khz[-1])
    files = {
        'scaling_driver': driver,
        'scaling_governor': governor,
        'scaling_available_governors': governors,
        'scaling_min_freq': low,
        'scaling_max_freq': high,
        'scaling_cur_freq': high,
        'scaling_setspeed': high if governor == 'userspace' else UNSUPPORTED,
        'cpuinfo_min_freq': khz[0],
        'cpuinfo_max_freq': khz[-1],
        'related_cpus': ' '.join(map(str, cores)),
        'affected_cpus': ' '.join(map(str, cores)),
    }
    if listed:
        files['scaling_available_frequencies'] = ' '.join(map(str, khz))
    for name, value in files.items():
        kernel.put(f'{folder}/{name}', value)


def devfreq(
    kernel: FakeKernel, device: str, hz: tuple[int, ...], *, governors: str, governor: str
) -> None:
    """Create a devfreq device."""
    files = {
        'governor': governor,
        'available_governors': governors,
        'available_frequencies': ' '.join(map(str, hz)),
        'min_freq': hz[0],
        'max_freq': hz[-1],
        'cur_freq': hz[0],
        'target_freq': hz[0],
        'device/load': 420,
    }
    for name, value in files.items():
        kernel.put(f'{DEVFREQ}/{device}/{name}', value)


def zone(kernel: FakeKernel, number: int, kind: str, temp: int, **trips: int) -> None:
    """Create a thermal zone [thousandths of a degree]."""
    folder = f'/sys/class/thermal/thermal_zone{number}'
    kernel.put(f'{folder}/type', kind)
    kernel.put(f'{folder}/temp', temp)
    for index, (name, value) in enumerate(trips.items()):
        kernel.put(f'{folder}/trip_point_{index}_type', name)
        kernel.put(f'{folder}/trip_point_{index}_temp', value)


def cooling(kernel: FakeKernel, number: int, kind: str, state: int = 0) -> None:
    """Create a cooling device."""
    kernel.put(f'/sys/class/thermal/cooling_device{number}/type', kind)
    kernel.put(f'/sys/class/thermal/cooling_device{number}/cur_state', state)


def base(root: Path, *, model: str = '', cpu: str = '') -> FakeKernel:
    """Create the files of every machine."""
    kernel = FakeKernel(root)
    kernel.put('/proc/sys/kernel/random/boot_id', 'first-boot')
    kernel.put('/proc/cpuinfo', f'processor\t: 0\nmodel name\t: {cpu}' if cpu else 'processor\t: 0')
    if model:
        kernel.path('/proc/device-tree').mkdir(parents=True)
        kernel.path('/proc/device-tree/model').write_text(f'{model}\0')
    return kernel


def xavier_nx(root: Path, *, minimum_khz: int = NX_CPU_KHZ[0]) -> FakeKernel:
    """Create a Xavier NX without its power monitor; a power mode may enforce a minimum."""
    kernel = base(root, model='NVIDIA Jetson Xavier NX Developer Kit')
    for first in (0, 2, 4):
        policy(
            kernel,
            (first, first + 1),
            NX_CPU_KHZ,
            driver='tegra194',
            governors='interactive conservative ondemand userspace powersave performance schedutil',
            governor='schedutil',
            limits=(minimum_khz, NX_CPU_KHZ[3]),
        )
        if minimum_khz > NX_CPU_KHZ[0]:
            kernel.enforced_minimum[f'{CPU}/policy{first}'] = minimum_khz
    governors = 'wmark_active wmark_simple nvhost_podgov userspace performance simple_ondemand'
    devfreq(kernel, '17000000.gv11b', NX_GPU_HZ, governors=governors, governor='nvhost_podgov')
    zone(kernel, 0, 'CPU-therm', 41500, passive=95500, critical=97000)
    zone(kernel, 1, 'GPU-therm', 40000, active=46000, passive=95500, critical=97000)
    cooling(kernel, 0, 'CPU-balanced')
    cooling(kernel, 1, 'GPU-balanced')
    cooling(kernel, 2, 'pwm-fan', 3)
    kernel.put('/var/lib/nvpmodel/status', 'pmode:0002')
    kernel.put(
        '/etc/nvpmodel.conf',
        '< POWER_MODEL ID=0 NAME=MODE_15W_2CORE >\n< POWER_MODEL ID=2 NAME=MODE_15W_6CORE >\n',
    )
    return kernel


def xavier_nx_jetpack4(root: Path) -> FakeKernel:
    """A Xavier NX whose power monitor is an iio device."""
    kernel = xavier_nx(root)
    folder = '/sys/bus/i2c/drivers/ina3221x/7-0040/iio:device0'
    rails = (('VDD_IN', 5120), ('VDD_CPU_GPU_CV', 1900), ('VDD_SOC', 1100))
    for channel, (name, milliwatt) in enumerate(rails):
        kernel.put(f'{folder}/rail_name_{channel}', name)
        kernel.put(f'{folder}/in_power{channel}_input', milliwatt)
    return kernel


def ina3221(kernel: FakeKernel) -> None:
    """Create the power monitor of JetPack 5."""
    folder = '/sys/class/hwmon/hwmon3'
    kernel.put(f'{folder}/name', 'ina3221')
    rails = (('VDD_IN', 1024), ('VDD_CPU_GPU_CV', 380), ('VDD_SOC', 220))
    for channel, (name, milliampere) in enumerate(rails, start=1):
        kernel.put(f'{folder}/in{channel}_label', name)
        kernel.put(f'{folder}/in{channel}_input', 5000)
        kernel.put(f'{folder}/curr{channel}_input', milliampere)
    kernel.put(f'{folder}/in7_label', 'sum of shunt voltages')
    kernel.put(f'{folder}/in7_input', 0)


def xavier_nx_jetpack5(root: Path) -> FakeKernel:
    """A Xavier NX whose power monitor is an hwmon device."""
    kernel = xavier_nx(root)
    ina3221(kernel)
    return kernel


def xavier_nx_two_cores(root: Path) -> FakeKernel:
    """A power mode with two cores, in which the kernel enforces a higher minimum."""
    kernel = xavier_nx(root, minimum_khz=1190400)
    ina3221(kernel)
    return kernel


def orin_nano(root: Path) -> FakeKernel:
    """Two clusters; the temperature of the unpowered GPU cannot be read."""
    kernel = base(root, model='NVIDIA Jetson Orin Nano Developer Kit')
    for first in (0, 4):
        policy(
            kernel,
            (first, first + 1),
            (115200, 729600, 1510400),
            driver='tegra194',
            governors='conservative ondemand userspace powersave performance schedutil',
            governor='schedutil',
        )
    devfreq(
        kernel,
        '17000000.gpu',
        (306000000, 510000000, 624750000),
        governors='nvhost_podgov userspace performance simple_ondemand',
        governor='nvhost_podgov',
    )
    devfreq(
        kernel,
        '15340000.vic',
        (115200000, 435200000),
        governors='tegra_wmark',
        governor='tegra_wmark',
    )
    zone(kernel, 0, 'cpu-thermal', 45000, passive=99000, critical=104500)
    zone(kernel, 1, 'gpu-thermal', 0, passive=99000, critical=104500)
    kernel.path('/sys/class/thermal/thermal_zone1/temp').write_text('')
    cooling(kernel, 0, 'cpu-throttle-alert')
    ina3221(kernel)
    return kernel


def raspberry_pi_5(root: Path) -> FakeKernel:
    """One policy; Linux exposes neither the GPU nor a power sensor."""
    kernel = base(root, model='Raspberry Pi 5 Model B Rev 1.0')
    policy(
        kernel,
        (0, 1, 2, 3),
        (1500000, 1600000, 1700000, 1800000, 2400000),
        driver='cpufreq-dt',
        governors='conservative ondemand userspace powersave performance schedutil',
        governor='ondemand',
    )
    zone(kernel, 0, 'cpu-thermal', 50000, critical=110000)
    cooling(kernel, 0, 'pwm-fan')
    kernel.put('/sys/class/hwmon/hwmon0/name', 'rpi_volt')
    kernel.put('/sys/class/hwmon/hwmon0/in0_lcrit_alarm', 0)
    return kernel


def rapl(kernel: FakeKernel, energy_uj: int = 5_000_000) -> None:
    """Create the energy counter of one CPU package."""
    kernel.path('/sys/class/powercap/intel-rapl').mkdir(parents=True)
    folder = '/sys/class/powercap/intel-rapl:0'
    kernel.put(f'{folder}/name', 'package-0')
    kernel.put(f'{folder}/max_energy_range_uj', 262_143_328_850)
    kernel.put(f'{folder}/energy_uj', energy_uj)


def intel_laptop(root: Path) -> FakeKernel:
    """intel_pstate: a policy per core, no list, no userspace; batteries of laptop and mouse."""
    kernel = base(root, cpu='Intel(R) Core(TM) i5-1240P')
    for core in range(4):
        policy(
            kernel,
            (core,),
            (400000, 4400000),
            driver='intel_pstate',
            governors='performance powersave',
            governor='powersave',
            listed=False,
        )
    rapl(kernel)
    zone(kernel, 0, 'acpitz', 48000, critical=128000)
    zone(kernel, 1, 'x86_pkg_temp', 52000, passive=0)
    cooling(kernel, 0, 'Processor')
    supply = '/sys/class/power_supply'
    battery = {
        'type': 'Battery',
        'status': 'Discharging',
        'present': 1,
        'capacity': 83,
        'voltage_now': 12_000_000,
        'voltage_min_design': 11_500_000,
        'power_now': 9_000_000,
        'energy_now': 41_500_000,
        'energy_full': 50_000_000,
    }
    for name, value in battery.items():
        kernel.put(f'{supply}/BAT0/{name}', value)
    for name, value in {'type': 'Battery', 'scope': 'Device', 'capacity': 50}.items():
        kernel.put(f'{supply}/hidpp_battery_0/{name}', value)
    kernel.put(f'{supply}/AC/type', 'Mains')
    return kernel


def amd_mini_pc(root: Path) -> FakeKernel:
    """amd-pstate-epp: a policy per core with a range, no battery, the counter of the package."""
    kernel = base(root, cpu='AMD Ryzen 7 7840HS')
    for core in range(4):
        policy(
            kernel,
            (core,),
            (400000, 5137000),
            driver='amd-pstate-epp',
            governors='performance powersave',
            governor='powersave',
            listed=False,
        )
    rapl(kernel)
    zone(kernel, 0, 'acpitz', 45000, critical=115000)
    return kernel


def container(root: Path) -> FakeKernel:
    """A container: no frequency domains, no sensors, a limit of two CPUs and 4 GiB."""
    kernel = base(root, cpu='Some CPU')
    kernel.put('/.dockerenv', '')
    kernel.put('/proc/self/cgroup', '0::/docker/abc')
    kernel.put('/sys/fs/cgroup/cpu.max', '200000 100000')
    kernel.put('/sys/fs/cgroup/memory.max', 4 << 30)
    return kernel


BOARDS = {
    each.__name__: each
    for each in (
        xavier_nx_jetpack4,
        xavier_nx_jetpack5,
        xavier_nx_two_cores,
        orin_nano,
        raspberry_pi_5,
        intel_laptop,
        amd_mini_pc,
        container,
    )
}
WITH_CLOCKS = [name for name in BOARDS if name != 'container']


def at(domain: str, frequency_hz: float) -> list[DomainSetting]:
    """Return a command of one frequency."""
    return [DomainSetting(domain, frequency_hz=frequency_hz)]


def linux_device(kernel: FakeKernel, **options: Any) -> LinuxDevice:
    """Open a fake machine, as the platform node does."""
    return LinuxDevice(kernel, LinuxMachine.discover(kernel), name='board', **options)
