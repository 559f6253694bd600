"""Run one sub-network fast, keep a set of them resident, switch between two frames."""

from dynofa_ros.engine.classifier import Classified, Classifier
from dynofa_ros.engine.mailbox import Delivery, Mailbox
from dynofa_ros.engine.measure import Measurement, measure
from dynofa_ros.engine.prediction import Prediction
from dynofa_ros.engine.resident_set import Engine, ResidentSet
from dynofa_ros.engine.torch_engine import TorchEngine

__all__ = [
    'Classified',
    'Classifier',
    'Delivery',
    'Engine',
    'Mailbox',
    'Measurement',
    'Prediction',
    'ResidentSet',
    'TorchEngine',
    'measure',
]
