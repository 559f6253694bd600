# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Select the device that frames run on: this machine or a simulated platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.platform.linux import LinuxMachine, Sysfs, find_machine, platform_mismatch
from dynofa_ros.profiles.scaled import scale_to_frequencies
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet import Model

Log = Callable[[str], object]


@dataclass(frozen=True)
class PerceptionDevice:
    """A simulated platform, or this machine and its description."""

    simulated: Platform | None = None
    described: Platform | None = None
    """Description of this machine; None: latency is known at the current frequency only."""
    busy_clocks_hz: Mapping[str, float] = field(default_factory=dict)
    """Frequency of each processor while it runs frames [Hz]."""

    @classmethod
    def find(cls, *, platform: str, device: str, sysfs: Sysfs, warn: Log) -> PerceptionDevice:
        """Return the device for the parameters `platform` and `device`.

        Without a platform it is this machine. A description of another machine is ignored with a
        warning.

        Raises:
            ValueError: for a platform that cannot be loaded, and a device that is not available.
        """
        if not platform:
            if device == 'simulated':
                raise ValueError("platform is ''; expected a platform with device 'simulated'")
            return cls()
        described = load_platform(platform)
        machine = find_machine(device, sysfs=sysfs)
        if machine is None:
            return cls(simulated=described)
        if mismatch := platform_mismatch(described, machine.domains):
            warn(
                f'the platform description is not of this machine: {mismatch}; frequencies are '
                'left to Linux until `dynofa platform calibrate` has measured them'
            )
            return cls()
        return cls(described=described, busy_clocks_hz=_busy_clocks_hz(sysfs, machine))

    def complete(self, profile: Profile, model: Model) -> Profile:
        """Return a profile measured here, extrapolated to every frequency of the description."""
        if self.described is None:
            return profile
        layers = {each.subnet_id: each.layers for each in model.kept}
        return scale_to_frequencies(
            profile, self.described, layers=layers, measured_hz=self.busy_clocks_hz
        )


def _busy_clocks_hz(sysfs: Sysfs, machine: LinuxMachine) -> dict[str, float]:
    """Return the upper limit of each processor [Hz], which a governor reaches under load."""
    return {
        processor: domain.limits(sysfs).max_hz
        for domain in machine.domains
        for processor in machine.processors[domain.name]
    }
