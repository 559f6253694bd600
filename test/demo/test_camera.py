# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from dynofa_ros.bags.image_writer import ImageBagWriter
from dynofa_ros.bags.reader import BagError
from dynofa_ros.demo.camera import camera_of


@pytest.mark.parametrize(
    ('topic', 'remapped'),
    [('/front/image_raw', 'image'), ('/front/image_raw/compressed', 'image/compressed')],
)
def test_the_camera_is_remapped_to_the_topic_of_the_perception_node(tmp_path, topic, remapped):
    jpeg = topic.endswith('/compressed')
    with ImageBagWriter(tmp_path / 'bag', topic=topic, frame_id='front', jpeg=jpeg) as bag:
        bag.write(np.zeros((4, 4, 3), np.uint8), stamp_ns=1)
    assert camera_of(tmp_path / 'bag').remap == f'{topic}:={remapped}'


def test_a_missing_bag_is_reported(tmp_path):
    with pytest.raises(BagError, match='nothing-here'):
        camera_of(tmp_path / 'nothing-here')
