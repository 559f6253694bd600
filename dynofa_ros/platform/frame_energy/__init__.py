# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Energy of each frame: measured power minus idle power, attributed to frames (docs/energy.md)."""

from dynofa_ros.platform.frame_energy.frames import EnergyTotals, FrameEnergy, FrameWork
from dynofa_ros.platform.frame_energy.ledger import FrameEnergyLedger

__all__ = ['EnergyTotals', 'FrameEnergy', 'FrameEnergyLedger', 'FrameWork']
