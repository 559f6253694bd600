import threading
from dataclasses import replace
from random import Random

import pytest
import torch

from dynofa_ros.supernet import SubnetConfigError, create_supernet
from dynofa_ros.supernet.calibration import calibrate


def images(config, count=2):
    return torch.randn(count, 3, config.r, config.r, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('seed', range(4))
@torch.no_grad()
def test_every_sub_network_names_every_class(net, seed):
    config = net.space.sample(Random(seed))
    assert net(images(config, 3), config).shape == (3, 10)


def test_at_first_the_largest_sub_network_is_active(random_supernet):
    net = random_supernet()
    assert net.active_subnet == net.space.max_config()


@torch.no_grad()
def test_the_active_sub_network_is_what_runs(random_supernet):
    net = random_supernet()
    config = net.space.sample(Random(0))
    net.set_active_subnet(config)
    assert torch.equal(net(images(config)), net(images(config), config))


def test_a_config_that_is_not_of_the_space_does_not_become_active(random_supernet):
    net = random_supernet()
    with pytest.raises(SubnetConfigError, match='r is 64'):
        net.set_active_subnet(replace(net.space.max_config(), r=64))
    assert net.active_subnet == net.space.max_config()


def test_a_config_that_is_not_of_the_space_does_not_run(net):
    config = replace(net.space.max_config(), d=(5,) * 5)
    with pytest.raises(SubnetConfigError, match=r'd\[0\] is 5; expected 2, 3, 4'):
        net(images(config), config)


@pytest.mark.parametrize('field', ['ks', 'e', 'd'])
@torch.no_grad()
def test_every_choice_changes_the_output(net, field):
    config = net.space.max_config()
    smaller = replace(config, **{field: getattr(net.space.min_config(), field)})
    assert not torch.allclose(net(images(config), config), net(images(config), smaller))


@torch.no_grad()
def test_blocks_that_are_not_run_do_not_matter(net):
    config = replace(net.space.max_config(), d=(2,) * 5)
    other = replace(config, ks=(7, 7, 3, 3) * 5)
    assert torch.equal(net(images(config), config), net(images(config), other))


@torch.no_grad()
def test_evaluation_uses_the_statistics_of_the_sub_network(random_supernet):
    net = random_supernet()
    config, other = net.space.min_config(), net.space.max_config()
    before, other_before = net(images(config), config), net(images(other), other)
    calibrate(net, config, [images(config, 16)])
    assert not torch.allclose(net(images(config), config), before)
    assert torch.equal(net(images(other), other), other_before)


@torch.no_grad()
def test_statistics_are_found_whatever_the_blocks_that_are_not_run(random_supernet):
    net = random_supernet()
    config = replace(net.space.max_config(), d=(2,) * 5)
    calibrate(net, config, [images(config, 16)])
    canonical = net.space.canonical(config)
    assert torch.equal(net(images(config), config), net(images(config), canonical))


@torch.no_grad()
def test_two_threads_with_two_sub_networks_do_not_disturb_each_other(net):
    configs = [net.space.canonical(net.space.sample(Random(seed))) for seed in (1, 2)]
    alone = [net(images(config), config) for config in configs]
    wrong = []

    def run(config, expected):
        with torch.no_grad():
            for _ in range(8):
                if not torch.equal(net(images(config), config), expected):
                    wrong.append(config)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(configs, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_block_is_residual_where_its_input_fits_its_output(net):
    for stage in net.stages:
        assert [block.residual for block in stage] == [False, True, True, True]


def test_a_new_residual_block_is_the_identity():
    torch.manual_seed(0)
    net = create_supernet('ofa_mbv3_cifar10').eval()
    block = net.stages[0][1]
    x = torch.randn(2, block.in_channels, 8, 8)
    assert torch.equal(block(x, 7, 6, net.mode(net.active_subnet)), x)


@torch.no_grad()
def test_a_residual_block_adds_to_its_input(net):
    block, mode = net.stages[0][1], net.mode(net.active_subnet)
    x = torch.randn(2, block.in_channels, 8, 8)
    with_input = block(x, 5, 4, mode)
    block.residual = False
    without = block(x, 5, 4, mode)
    block.residual = True
    torch.testing.assert_close(with_input, x + without)


def test_a_sub_network_trains_what_it_uses_and_nothing_else(random_supernet):
    net = random_supernet().train()
    config = net.space.min_config()
    net(images(config, 4), config).sum().backward()
    last = net.stages[4]
    assert last[1].project.weight.grad.abs().sum() > 0
    assert last[2].project.weight.grad is None


def test_a_checkpoint_of_half_precision_loads(random_supernet, tmp_path):
    net, other = random_supernet(0), random_supernet(1)
    state = {name: value.half() for name, value in net.state_dict().items()}
    torch.save({'state_dict': state}, tmp_path / 'weights.pt')
    other.load_checkpoint(tmp_path / 'weights.pt')
    torch.testing.assert_close(other.classifier.weight, net.classifier.weight, rtol=1e-3, atol=1e-4)


def test_a_checkpoint_clears_the_statistics_of_other_weights(random_supernet, tmp_path):
    net = random_supernet()
    calibrate(net, net.space.min_config(), [torch.randn(4, 3, 20, 20)])
    torch.save({'state_dict': net.state_dict()}, tmp_path / 'weights.pt')
    net.load_checkpoint(tmp_path / 'weights.pt')
    assert not net.statistics


def test_an_unknown_supernet_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"supernet is 'resnet'; known: .*ofa_mbv3_cifar10, "):
        create_supernet('resnet')
