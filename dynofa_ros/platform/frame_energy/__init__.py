"""What each frame took: measured of the machine, less idle, shared (docs/energy.md)."""

from dynofa_ros.platform.frame_energy.ledger import FrameEnergyLedger
from dynofa_ros.platform.frame_energy.work import EnergyTotals, FrameEnergy, FrameWork

__all__ = ['EnergyTotals', 'FrameEnergy', 'FrameEnergyLedger', 'FrameWork']
