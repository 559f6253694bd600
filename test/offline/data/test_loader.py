# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
import torch

from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.offline.data.loader import TrainingBatches, generator, input_batches, network_input
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.training.distributed import Ranks


def draw(*numbers):
    return torch.randint(0, 2**31, (4,), generator=generator(*numbers)).tolist()


def test_equal_numbers_seed_equal_generators():
    assert draw(0, 1, 5) == draw(0, 1, 5)


@pytest.mark.parametrize('other', [(0, 1, 6), (0, 5, 1), (1, 1, 5), (1, 5), (0, 0, 1, 5)])
def test_different_numbers_seed_different_generators(other):
    assert draw(0, 1, 5) != draw(*other)


def test_an_input_is_normalised_per_channel():
    images = torch.tensor([255, 102, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 8, 8)
    x = network_input(images, 8, (0.5, 0.4, 0.3), (0.5, 0.25, 0.1))
    torch.testing.assert_close(x[1, :, 4, 4], torch.tensor([1.0, 0.0, -3.0]))


@pytest.mark.parametrize('resolution', [8, 20])
def test_an_input_has_the_requested_resolution_and_is_channels_last(resolution):
    images = torch.randint(0, 256, (8, 3, 12, 12), generator=generator(0), dtype=torch.uint8)
    x = network_input(images, resolution, (0.5,) * 3, (0.5,) * 3)
    assert x.shape == (8, 3, resolution, resolution)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_downscaling_is_antialiased():
    stripes = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    stripes[..., ::2] = 255
    x = network_input(stripes, 8, (0.0,) * 3, (1.0,) * 3)
    assert (x[..., 2:-2] - 0.5).abs().max() < 0.02


def batches(data, *, rank=0, world_size=1, seed=0):
    ranks, cpu = Ranks(rank=rank, world_size=world_size), torch.device('cpu')
    return TrainingBatches(data, batch_size=6, seed=seed, side=10, ranks=ranks, device=cpu)


@pytest.fixture(params=['in memory', 'in files'])
def data(request, thumbnails, write_images, tmp_path):
    if request.param == 'in memory':
        return thumbnails()
    return load_dataset(write_images(tmp_path / 'x', sizes=[(14 + i, 20) for i in range(8)]))


def test_every_epoch_has_every_image_once_in_a_new_order(thumbnails):
    numbered = replace(thumbnails(), classes=torch.arange(24))
    first, second = (
        torch.cat([batches(numbered).at(step)[1] for step in steps]).tolist()
        for steps in (range(4), range(4, 8))
    )
    assert sorted(first) == sorted(second) == list(range(24))
    assert first[:6] != second[:6]


def test_a_batch_depends_only_on_its_step(data):
    sequential = batches(data)
    for step in range(3):
        images, classes = sequential.at(step)
    direct = batches(data).at(2)
    assert torch.equal(images, direct[0])
    assert torch.equal(classes, direct[1])


def test_ranks_together_see_the_batch_of_a_single_process(data):
    whole, classes = batches(data).at(5)
    for rank in range(2):
        images, of_rank = batches(data, rank=rank, world_size=2).at(5)
        assert torch.equal(images, whole[rank::2])
        assert torch.equal(of_rank, classes[rank::2])


def test_a_damaged_image_is_named_when_it_is_used(write_images, tmp_path):
    folder = write_images(tmp_path / 'x', sizes=[(14, 20)] * 8)
    data = load_dataset(folder)
    (folder / 'dog' / '3.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'dog/3\.png is not an image'):
        for step in range(4):
            batches(data).at(step)


@pytest.mark.parametrize('threads', [1, 3])
def test_evaluation_preprocesses_images_exactly_as_the_node_does(data, make_net, threads):
    net = make_net()
    prepared = list(input_batches(net, data, 8, size=10, threads=threads))
    assert [len(batch) for batch in prepared] == [10, 10, 4]
    preprocess = Preprocessor(8, net.spec.mean, net.spec.std)
    for index, x in enumerate(torch.cat(prepared)):
        assert np.array_equal(x.numpy(), preprocess(data.image(index))[0])
