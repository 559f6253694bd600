# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
from bag_files import read_file

from dynofa_ros.bags.image_writer import ImageBagWriter
from dynofa_ros.bags.reader import Bag

RED = np.full((4, 6, 3), (250, 10, 20), np.uint8)


def write(path, images, **options):
    with ImageBagWriter(path, topic='/camera/image', frame_id='eye', **options) as bag:
        for index, image in enumerate(images):
            bag.write(image, stamp_ns=1_500_000_000 + index)


def test_raw_images_are_stored_exactly(tmp_path):
    write(tmp_path / 'bag', [RED, 255 - RED])
    (_, time_ns, first), (_, _, second) = read_file(tmp_path / 'bag')
    assert time_ns == 1_500_000_000
    assert (first.header.stamp.sec, first.header.stamp.nanosec) == (1, 500_000_000)
    assert (first.header.frame_id, first.encoding, first.step) == ('eye', 'rgb8', 18)
    np.testing.assert_array_equal(second.data.reshape(4, 6, 3), 255 - RED)


def test_jpeg_images_keep_their_colours(tmp_path):
    write(tmp_path / 'bag', [RED], jpeg=True)
    ((_, _, message),) = read_file(tmp_path / 'bag')
    bgr = cv2.imdecode(message.data, cv2.IMREAD_COLOR)
    assert np.abs(bgr[..., ::-1].astype(int) - RED).max() <= 6
    assert message.format == 'rgb8; jpeg compressed bgr8'


def test_the_topic_is_reliable_and_volatile(tmp_path):
    write(tmp_path / 'bag', [RED])
    with Bag(tmp_path / 'bag') as bag:
        assert (bag.topics[0].qos.reliable, bag.topics[0].qos.transient_local) == (True, False)


def test_an_existing_path_is_refused(tmp_path):
    with pytest.raises(FileExistsError, match='exists; expected a new path'):
        ImageBagWriter(tmp_path, topic='/a', frame_id='eye')


def test_an_error_while_writing_leaves_no_files(tmp_path):
    with pytest.raises(ValueError, match=r'image has shape \(4, 6\) of uint8'):
        write(tmp_path / 'bag', [RED, RED[..., 0]])
    assert list(tmp_path.iterdir()) == []
