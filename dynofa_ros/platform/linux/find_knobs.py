"""Find the clocks of a machine: cpufreq policies and devfreq devices."""

from __future__ import annotations

from dynofa_ros.platform.linux.knob import CPUFREQ, DEVFREQ, Interface, Knob
from dynofa_ros.platform.linux.sysfs import Sysfs

POLICIES = '/sys/devices/system/cpu/cpufreq'
DEVICES = '/sys/class/devfreq'


def find_policies(sysfs: Sysfs) -> tuple[Knob, ...]:
    """Return the cpufreq policies: cores that share a clock have one."""
    folders = [f'{POLICIES}/{name}' for name in sysfs.names(POLICIES) if name.startswith('policy')]
    return tuple(knob for knob in (_policy(sysfs, each) for each in folders) if knob.known)


def find_devices(sysfs: Sysfs) -> tuple[Knob, ...]:
    """Return the devfreq devices: GPU, memory controller, video engines."""
    folders = [f'{DEVICES}/{name}' for name in sysfs.names(DEVICES)]
    return tuple(knob for knob in (_device(sysfs, each) for each in folders) if knob.known)


def _policy(sysfs: Sysfs, folder: str) -> Knob:
    listed = [
        *sysfs.words(f'{folder}/scaling_available_frequencies'),
        *sysfs.words(f'{folder}/scaling_boost_frequencies'),
    ]
    highest = sysfs.number(f'{folder}/cpuinfo_max_freq')
    # Boost is listed while it is switched off, too.
    listed = [word for word in listed if word.isdigit() and not int(word) > highest]
    cores = sysfs.words(f'{folder}/related_cpus') or sysfs.words(f'{folder}/affected_cpus')
    return _knob(
        sysfs,
        folder,
        CPUFREQ,
        driver=sysfs.text(f'{folder}/scaling_driver'),
        cores=tuple(int(core) for core in cores if core.isdigit()),
        listed=listed,
        ends=(sysfs.number(f'{folder}/cpuinfo_min_freq'), highest),
    )


def _device(sysfs: Sysfs, folder: str) -> Knob:
    driver = f'{folder}/device/driver'
    return _knob(
        sysfs,
        folder,
        DEVFREQ,
        driver=sysfs.path(driver).resolve().name if sysfs.exists(driver) else '',
        cores=(),
        listed=list(sysfs.words(f'{folder}/available_frequencies')),
        ends=(sysfs.number(f'{folder}/min_freq'), sysfs.number(f'{folder}/max_freq')),
    )


def _knob(
    sysfs: Sysfs,
    folder: str,
    interface: Interface,
    *,
    driver: str,
    cores: tuple[int, ...],
    listed: list[str],
    ends: tuple[float, float],
) -> Knob:
    """Make a knob; a list says more than the ends, which then are those of the list."""
    numbers = {int(word) for word in listed if word.isdigit()}
    listed_hz = tuple(sorted(number * interface.unit_hz for number in numbers if number > 0))
    lowest_hz, highest_hz = (end * interface.unit_hz for end in ends)
    return Knob(
        folder=folder,
        interface=interface,
        driver=driver,
        cores=cores,
        governors=sysfs.words(f'{folder}/{interface.governors}'),
        listed_hz=listed_hz,
        lowest_hz=listed_hz[0] if listed_hz else lowest_hz,
        highest_hz=listed_hz[-1] if listed_hz else highest_hz,
    )
