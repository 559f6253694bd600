# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import itertools

import cv2
import numpy as np
import pytest
from bag_files import read_file as read

from dynofa_ros.demo.photographs import (
    PHOTOGRAPHS,
    Photograph,
    PhotographError,
    view,
    write_photograph_bag,
)

SMALL = {'seconds': 6.0, 'rate_hz': 2.0, 'width': 64, 'height': 48}


@pytest.fixture(scope='module')
def cat():
    path = PHOTOGRAPHS[0].path()
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def test_every_photograph_is_installed():
    assert [p.name for p in PHOTOGRAPHS if p.path() is None] == []


def test_every_photograph_has_a_licence():
    assert all('CC' in p.credit or 'public domain' in p.credit for p in PHOTOGRAPHS)


def test_the_bag_has_raw_images_with_exact_stamps(tmp_path):
    shown = write_photograph_bag(tmp_path / 'bag', **SMALL, start_time_ns=5 * 10**9)
    messages = read(tmp_path / 'bag')
    assert shown == list(PHOTOGRAPHS)
    assert [time_ns for _, time_ns, _ in messages] == [
        5 * 10**9 + i * 500_000_000 for i in range(12)
    ]
    for topic, time_ns, image in messages:
        assert topic == '/camera/image_raw'
        assert image.header.stamp.sec * 10**9 + image.header.stamp.nanosec == time_ns
        assert (image.header.frame_id, image.encoding) == ('camera', 'rgb8')
        assert (image.width, image.height, image.step) == (64, 48, 192)
        assert image.data.size == 64 * 48 * 3


def test_red_and_blue_are_not_swapped(tmp_path):
    write_photograph_bag(tmp_path / 'bag', **SMALL, photographs=[PHOTOGRAPHS[0]])
    mean = np.mean([m.data.reshape(-1, 3).mean(0) for _, _, m in read(tmp_path / 'bag')], 0)
    red, green, blue = mean  # the cat is ginger
    assert red > green > blue


def test_jpeg_images_are_on_the_compressed_topic(tmp_path):
    write_photograph_bag(tmp_path / 'bag', **SMALL, jpeg=True)
    topic, _, message = read(tmp_path / 'bag')[0]
    assert topic == '/camera/image_raw/compressed'
    assert cv2.imdecode(message.data, cv2.IMREAD_COLOR).shape == (48, 64, 3)


def test_images_depend_on_the_seed_only(tmp_path):
    def first_image(name, seed):
        write_photograph_bag(tmp_path / name, **SMALL, seed=seed)
        return read(tmp_path / name)[0][2].data.tobytes()

    assert first_image('a', 1) == first_image('b', 1) != first_image('c', 2)


def test_progress_is_reported_per_image(tmp_path):
    calls = []
    write_photograph_bag(tmp_path / 'bag', **SMALL, progress=lambda *args: calls.append(args))
    assert calls == [(i + 1, 12) for i in range(12)]


def test_a_short_bag_returns_only_the_photographs_it_shows(tmp_path):
    shown = write_photograph_bag(tmp_path / 'bag', **{**SMALL, 'seconds': 0.5})
    assert shown == [PHOTOGRAPHS[0]]


@pytest.mark.parametrize('position', [0.0, 0.3, 0.9])
def test_the_path_is_closed(cat, position):
    a = view(cat, position=position, width=64, height=48)
    b = view(cat, position=position + 1.0, width=64, height=48)
    np.testing.assert_array_equal(a, b)


def test_the_view_moves_smoothly(cat):
    views = [view(cat, position=i / 48, width=64, height=48).astype(float) for i in range(49)]
    steps = [np.abs(a - b).mean() for a, b in itertools.pairwise(views)]
    assert min(steps) > 0.0
    assert max(steps) < np.abs(views[0] - views[24]).mean()


def test_the_view_never_leaves_the_photograph():
    # Outside of the picture border pixels repeat, so a white border would reach far into the view.
    picture = np.zeros((90, 120, 3), np.uint8)
    picture[:1], picture[-1:], picture[:, :1], picture[:, -1:] = 255, 255, 255, 255
    for i in range(48):
        seen = view(picture, position=i / 48, width=120, height=90)
        assert seen[3:-3, 3:-3].max() == 0


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('seconds', 0.0),
        ('seconds', float('nan')),
        ('rate_hz', -1.0),
        ('width', 0),
        ('height', 9000),
    ],
)
def test_a_parameter_out_of_range_is_refused(tmp_path, name, value):
    with pytest.raises(PhotographError, match=f'{name} is {value}; expected'):
        write_photograph_bag(tmp_path / 'bag', **{**SMALL, name: value})


def test_a_missing_photograph_is_left_out(tmp_path):
    missing = Photograph('unicorn', 'skimage', 'data/unicorn.png', 'nobody, CC0')
    shown = write_photograph_bag(tmp_path / 'bag', **SMALL, photographs=[missing, PHOTOGRAPHS[0]])
    assert shown == [PHOTOGRAPHS[0]]


def test_without_photographs_the_packages_to_install_are_listed(tmp_path):
    missing = Photograph('unicorn', 'no_such_package', 'unicorn.png', 'nobody, CC0')
    with pytest.raises(PhotographError, match='install scikit-image or scikit-learn'):
        write_photograph_bag(tmp_path / 'bag', **SMALL, photographs=[missing])
    assert not (tmp_path / 'bag').exists()
