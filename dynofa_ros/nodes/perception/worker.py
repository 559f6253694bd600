# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The perception worker: applies commands, classifies frames and reports results, without ROS.

It runs in its own thread, so that the node's thread stays free for parameters, commands and the
next image. Commands take effect between two frames.
"""

from __future__ import annotations

from dynofa_ros.engine import MailboxItem
from dynofa_ros.nodes.perception.frame_runner import FrameRunner
from dynofa_ros.nodes.perception.subnet_commands import SubnetCommands
from dynofa_ros.nodes.perception.worker_types import Arrival, Loaded, SubnetRequest
from dynofa_ros.runtime.estimation.correction import Correction
from dynofa_ros.runtime.operating_points.profile import SubnetOn


class PerceptionWorker:
    """Takes commands and frames from the mailbox of its commands until that is closed."""

    def __init__(self, commands: SubnetCommands, frames: FrameRunner) -> None:
        self.commands, self.frames = commands, frames
        self._mailbox, self._listener = commands.mailbox, commands.listener

    def run(self) -> None:
        """Work until :meth:`stop`."""
        while (item := self._mailbox.take()) is not None:
            try:
                self.handle(item)
            except Exception as error:  # no frame or command ends the node
                self._listener.on_error(error)

    def stop(self) -> None:
        """Make :meth:`run` return, even during a simulated inference or a wait for a turn."""
        self.frames.stages.stopped.set()
        self._mailbox.close()
        self.commands.loader.stop()

    def learned(self) -> dict[SubnetOn, Correction]:
        """Return the corrections of the profile to keep; to be called when :meth:`run` is over."""
        return self.commands.picker.learned()

    def handle(self, item: MailboxItem[Arrival, SubnetRequest | Loaded]) -> None:
        """Apply the commands, then classify the frame, if any."""
        for command in item.commands:
            if isinstance(command, Loaded):
                self.commands.loaded(command)
            else:
                self.commands.execute(command)
        self.frames.dropped += item.dropped
        if item.frame is not None:
            self.frames.classify(item.frame)
