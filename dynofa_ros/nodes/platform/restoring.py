# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Restore frequencies until it is true: a driver may refuse now and accept a second later."""

from __future__ import annotations

import time
from collections.abc import Callable

from dynofa_ros.platform import CommandResult
from dynofa_ros.platform.device import Device

RETRY_S = 1.0
ATTEMPTS_AT_THE_END = 5
"""Within the 20 s that systemd gives the service to stop; the next start tries again."""
CRASHED = 'frequency settings left behind by a crashed process'


class Restoring:
    """Restores the frequencies of a device, and says what is true about it."""

    def __init__(
        self,
        device: Device,
        *,
        log: Callable[[str], object],
        log_error: Callable[[str], object],
        clock: Callable[[], float],
    ) -> None:
        self._device = device
        self._log, self._log_error = log, log_error
        self._clock = clock
        self._tried_s = clock()
        self._last_text = ''
        self.pending = ''
        """Why frequencies have to be restored that could not be; empty: all are."""

    def restore(self, why: str, *, changed: bool = True) -> CommandResult:
        """Restore the frequencies; log it if any were `changed`.

        If that fails, `retry` tries again. The text of the result states what is true now.
        """
        self._tried_s = self._clock()
        return self._settle(why, self._device.restore(), changed=changed or bool(self.pending))

    def retry(self) -> CommandResult | None:
        """Once a second, try again what is pending, and to get control of the machine.

        Returns the result of an attempt to restore; None: there was none.
        """
        if self._clock() - self._tried_s < RETRY_S:
            return None
        if self.pending:
            return self.restore(self.pending)
        self._tried_s = self._clock()
        taken = self._device.take_control()
        return None if taken.applied else self._settle(CRASHED, taken, changed=True)

    def restore_at_the_end(
        self, *, changed: bool, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        """Restore the frequencies before the node ends; try a few times."""
        result = self.restore('the node ends', changed=changed)
        for _ in range(ATTEMPTS_AT_THE_END - 1):
            if result.applied:
                return
            sleep(RETRY_S)
            result = self.restore('the node ends')

    def superseded(self) -> None:
        """Record that a command set frequencies: what was pending no longer is."""
        self.pending = self._last_text = ''

    def _settle(self, why: str, result: CommandResult, *, changed: bool) -> CommandResult:
        text = f'{why}: {result.text}'
        if result.applied:
            if changed:
                self._log(text)
            self.pending = self._last_text = ''
            return CommandResult(applied=True, text=f'{why}: frequencies restored')
        self.pending = why
        if text != self._last_text:  # the same failure is logged once
            self._log_error(text)
        self._last_text = text
        return CommandResult(
            applied=False,
            text=f'{why}: frequencies NOT restored, trying again every second: {result.text}',
        )
