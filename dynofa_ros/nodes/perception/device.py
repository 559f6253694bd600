"""What frames run on: this machine, with what its other clocks would give, or a simulated one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dynofa_ros.platform import Platform, load_platform
from dynofa_ros.platform.linux import LinuxMachine, Sysfs, find_machine, why_it_does_not_fit
from dynofa_ros.platform.linux.domain import limits_now
from dynofa_ros.profiles.scaled import over_clocks
from dynofa_ros.runtime import Profile
from dynofa_ros.supernet import Model

Say = Callable[[str], object]


@dataclass(frozen=True)
class PerceptionDevice:
    """A simulated platform, or this machine and its description."""

    simulated: Platform | None = None
    described: Platform | None = None
    """Of this machine; None: only the clock that it has is known."""
    busy_clocks_hz: Mapping[str, float] = field(default_factory=dict)
    """At which clock each processor runs frames now."""

    @classmethod
    def find(cls, *, platform: str, device: str, sysfs: Sysfs, warn: Say) -> PerceptionDevice:
        """Return what the parameters `platform` and `device` name.

        Without a platform it is this machine, whatever it has. A description of another machine is
        not used, and `warn` hears why.

        Raises:
            ValueError: for a platform that cannot be loaded, and a device that there is not.
        """
        if not platform:
            if device == 'simulated':
                raise ValueError("platform is ''; expected a platform with device 'simulated'")
            return cls()
        described = load_platform(platform)
        machine = find_machine(device, sysfs=sysfs)
        if machine is None:
            return cls(simulated=described)
        if differs := why_it_does_not_fit(described, machine.domains):
            warn(
                f'not the platform described: {differs}; clocks are left to Linux until '
                '`dynofa platform calibrate` has measured them'
            )
            return cls()
        return cls(described=described, busy_clocks_hz=_busy_clocks_hz(sysfs, machine))

    def complete(self, profile: Profile, model: Model) -> Profile:
        """Return what was measured here, at every clock that the description has."""
        if self.described is None:
            return profile
        layers = {each.subnet_id: each.layers for each in model.kept}
        return over_clocks(profile, self.described, layers=layers, measured_hz=self.busy_clocks_hz)


def _busy_clocks_hz(sysfs: Sysfs, machine: LinuxMachine) -> dict[str, float]:
    """Return each processor's upper limit: while a frame runs, a governor goes there."""
    return {
        processor: limits_now(sysfs, domain).max_hz
        for domain in machine.domains
        for processor in machine.processors[domain.name]
    }
