import pytest
import torch

from dynofa_ros.offline.training.channel_sorting import sort_channels
from dynofa_ros.supernet.batch_norm import BatchStatistics
from dynofa_ros.supernet.resnet import Bottleneck


def falls(values):
    return bool((values[1:] <= values[:-1] + 1e-6).all())


@pytest.fixture(params=['tiny_mobilenet', 'tiny_transformer'])
def net(request, make_net):
    net = make_net(request.param)
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 1:
                value.uniform_(0.5, 1.5)  # blocks start as the identity: undo that
            value += 0.2 * torch.randn_like(value)
    return net


def test_the_largest_computes_the_same_as_before(net):
    x, config = torch.randn(4, 3, 12, 12), net.space.max_config()
    before = net(x, config)
    assert sort_channels(net, net.space.allowed('e')[-1:]) > 0
    torch.testing.assert_close(net(x, config), before, rtol=1e-4, atol=1e-5)


def test_what_is_elastic_already_computes_the_same_as_before(net):
    x, config = torch.randn(4, 3, 12, 12), net.space.max_config()
    middle = net.space.allowed('e')[-2]
    smaller = net.space.canonical(
        type(config)(**{**config.to_dict(), 'e': [middle] * len(config.e)})
    )
    before = net(x, smaller)
    sort_channels(net, net.space.allowed('e')[-2:])
    torch.testing.assert_close(net(x, smaller), before, rtol=1e-4, atol=1e-5)


def test_the_most_important_channels_come_first(make_net):
    net = make_net()
    sort_channels(net, net.space.allowed('e')[-1:])
    for block in net.stages[0]:
        assert falls(block.project.weight.abs().sum((0, 2, 3)))
    transformer = make_net('tiny_transformer')
    sort_channels(transformer, transformer.space.allowed('e')[-1:])
    for layer in transformer.layers:
        assert falls(layer.reduce.weight.abs().sum(0))


def test_a_bottleneck_is_sorted_inside_and_computes_the_same():
    torch.manual_seed(0)
    block = Bottleneck(8, 32, max_expand=0.5, stride=1, reshapes=True)
    host = torch.nn.ModuleList([block])
    x = torch.randn(4, 8, 6, 6)
    before = block(x, 32, 0.5, BatchStatistics())
    assert sort_channels(host, (0.5,)) == 2
    after = block(x, 32, 0.5, BatchStatistics())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert falls(block.conv3.conv.weight.abs().sum((0, 2, 3)))
