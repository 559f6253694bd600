import pytest

from dynofa_ros.engine import ResidentSet, TorchEngine


@pytest.fixture(scope='session')
def residents(model):
    """The small model's sub-networks, resident; not to be changed."""
    return ResidentSet(model, TorchEngine())
