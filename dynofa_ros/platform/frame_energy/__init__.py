"""What each frame took: measured of the machine, less idle, shared (docs/energy.md)."""

from dynofa_ros.platform.frame_energy.frame_records import EnergyTotals, FrameEnergy, FrameWork
from dynofa_ros.platform.frame_energy.ledger import FrameEnergyLedger

__all__ = ['EnergyTotals', 'FrameEnergy', 'FrameEnergyLedger', 'FrameWork']
