import numpy as np
import pytest
import torch

from dynofa_ros.engine.preprocess import Preprocessor
from dynofa_ros.offline.data.loader import TrainingBatches, generator, input_batches, network_input
from dynofa_ros.offline.data.readers import load_dataset
from dynofa_ros.offline.training.distributed import Ranks

CPU = torch.device('cpu')


def draw(*numbers):
    return torch.randint(0, 2**31, (4,), generator=generator(*numbers)).tolist()


def test_the_same_numbers_draw_the_same():
    assert draw(0, 1, 5) == draw(0, 1, 5)


@pytest.mark.parametrize('other', [(0, 1, 6), (0, 5, 1), (1, 1, 5), (1, 5), (0, 0, 1, 5)])
def test_other_numbers_draw_something_else(other):
    assert draw(0, 1, 5) != draw(*other)


@pytest.fixture
def images():
    return torch.randint(0, 256, (8, 3, 12, 12), generator=generator(0), dtype=torch.uint8)


def test_an_input_is_normalised_channel_by_channel():
    images = torch.tensor([255, 102, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 8, 8)
    x = network_input(images, 8, (0.5, 0.4, 0.3), (0.5, 0.25, 0.1))
    torch.testing.assert_close(x[1, :, 4, 4], torch.tensor([1.0, 0.0, -3.0]))


def test_an_input_has_the_resolution_asked_for(images):
    assert network_input(images, 20, (0.5,) * 3, (0.5,) * 3).shape == (8, 3, 20, 20)


def test_shrinking_averages():
    stripes = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    stripes[..., ::2] = 255
    x = network_input(stripes, 8, (0.0,) * 3, (1.0,) * 3)
    assert (x[..., 2:-2] - 0.5).abs().max() < 0.02


def test_an_input_is_channels_last_for_speed(images):
    x = network_input(images, 8, (0.5,) * 3, (0.5,) * 3)
    assert x.is_contiguous(memory_format=torch.channels_last)


def batches(data, *, rank=0, count=1, seed=0):
    ranks = Ranks(rank=rank, count=count)
    return TrainingBatches(data, batch_size=6, seed=seed, side=10, ranks=ranks, device=CPU)


@pytest.fixture(params=['in memory', 'in files'])
def data(request, thumbnails, write_images, tmp_path):
    if request.param == 'in memory':
        return thumbnails()
    return load_dataset(write_images(tmp_path / 'x', sizes=[(14 + i, 20) for i in range(8)]))


def test_an_epoch_has_every_image_once(thumbnails):
    data = thumbnails()
    data = type(data)(data.images, torch.arange(24), data.labels)
    seen = torch.cat([batches(data).at(step)[1] for step in range(4)])
    assert sorted(seen.tolist()) == list(range(24))


def test_another_epoch_has_another_order(thumbnails):
    data = thumbnails()
    data = type(data)(data.images, torch.arange(24), data.labels)
    assert batches(data).at(0)[1].tolist() != batches(data).at(4)[1].tolist()


def test_a_batch_depends_on_its_step_alone(data):
    one_after_the_other, at_once = batches(data), batches(data)
    for step in range(3):
        images, classes = one_after_the_other.at(step)
    again = at_once.at(2)
    assert torch.equal(images, again[0])
    assert torch.equal(classes, again[1])


def test_ranks_together_see_what_one_process_sees(data):
    whole, classes = batches(data).at(5)
    parts = [batches(data, rank=rank, count=2).at(5) for rank in range(2)]
    for rank, (images, of_rank) in enumerate(parts):
        assert torch.equal(images, whole[rank::2])
        assert torch.equal(of_rank, classes[rank::2])


def test_an_image_that_does_not_decode_is_named_when_its_turn_comes(write_images, tmp_path):
    folder = write_images(tmp_path / 'x', sizes=[(14, 20)] * 8)
    data = load_dataset(folder)
    (folder / 'dog' / '3.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'dog/3\.png is not an image'):
        for step in range(4):
            batches(data).at(step)


@pytest.mark.parametrize('threads', [1, 3])
def test_evaluation_prepares_images_exactly_as_the_node_does(data, make_net, threads):
    net = make_net()
    prepared = list(input_batches(net, data, 8, size=10, threads=threads))
    assert [len(batch) for batch in prepared] == [10, 10, 4]
    preprocess = Preprocessor(8, net.spec.mean, net.spec.std)
    for index, x in enumerate(torch.cat(prepared)):
        assert np.array_equal(x.numpy(), preprocess(data.image(index))[0])
