import pytest


@pytest.fixture(scope='module')
def net(random_supernet):
    """A supernet that the tests of one file share."""
    return random_supernet()
