"""What the platform node says of the machine's health, in its log and its diagnostics."""

from __future__ import annotations

from rclpy.node import Node

from dynofa_ros.nodes.diagnostics import Diagnostics
from dynofa_ros.platform import DeviceState
from dynofa_ros.platform.linux import LinuxDevice, Opened


class PlatformHealth:
    """Tells of heat, of the battery, and of clocks that cannot be turned, and why."""

    def __init__(self, node: Node, diagnostics: Diagnostics, opened: Opened) -> None:
        self._log = node.get_logger()
        self._diagnostics = diagnostics
        self._device = opened.device
        self._throttled: set[str] = set()
        diagnostics.set('device', opened.reason)
        if opened.differs:
            diagnostics.set('platform description', opened.differs)

    def tell(self, state: DeviceState, *, last_command: str, obeys: bool) -> None:
        """Log what changed, and set the diagnostics to how things are."""
        throttled = {domain.name for domain in state.domains.values() if domain.throttled}
        for name in sorted(throttled - self._throttled):
            self._log.warning(f'{name} throttled by heat')
        for name in sorted(self._throttled - throttled):
            self._log.info(f'{name} no longer throttled')
        self._throttled = throttled
        for name, domain in state.domains.items():
            self._diagnostics.set(f'{name} frequency [Hz]', f'{domain.frequency_hz:.0f}')
        self._diagnostics.set('power [W]', f'{state.power_w:.2f} ({state.power_source})')
        self._diagnostics.set('energy drawn [J]', f'{state.energy_j:.1f}')
        self._diagnostics.set('last command', last_command)
        locked = self._locked(state)
        how = 'simulated' if state.simulated else 'the machine itself'
        if throttled:
            self._diagnostics.warn(f'throttled by heat: {", ".join(sorted(throttled))}')
        elif state.simulated and state.battery and state.battery.percentage == 0:
            self._diagnostics.warn('battery empty (the simulated machine runs on)')
        elif state.domains and len(locked) == len(state.domains):
            self._diagnostics.warn(f'read only: {next(iter(locked.values()))}')
        elif not obeys:
            self._diagnostics.ok(f'inactive, {how}: no command is obeyed')
        else:
            self._diagnostics.ok(f'running, {how}')

    def _locked(self, state: DeviceState) -> dict[str, str]:
        """Show which clocks cannot be turned: which file it is, and which group would help."""
        if not isinstance(self._device, LinuxDevice):
            return {}
        locked = {
            name: self._device.why_not(name)
            for name, domain in state.domains.items()
            if not domain.settable
        }
        for name in state.domains:
            can = f'no: {locked[name]}' if name in locked else 'yes'
            self._diagnostics.set(f'{name} can be turned', can)
        return locked
