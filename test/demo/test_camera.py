import numpy as np
import pytest

from dynofa_ros.bags.image_writer import ImageBagWriter
from dynofa_ros.bags.reader import BagError
from dynofa_ros.demo.camera import camera_of


def bag_of(path, *, jpeg):
    topic = '/front/image_raw' + ('/compressed' if jpeg else '')
    with ImageBagWriter(path, topic=topic, frame_id='front', jpeg=jpeg) as bag:
        bag.write(np.zeros((4, 4, 3), np.uint8), stamp_ns=1)
    return path


def test_a_raw_camera_is_remapped_to_image(tmp_path):
    camera = camera_of(bag_of(tmp_path / 'bag', jpeg=False))
    assert camera.remap == '/front/image_raw:=image'


def test_a_compressed_camera_is_remapped_to_image_compressed(tmp_path):
    camera = camera_of(bag_of(tmp_path / 'bag', jpeg=True))
    assert camera.remap == '/front/image_raw/compressed:=image/compressed'


def test_a_bag_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BagError, match='nothing-here'):
        camera_of(tmp_path / 'nothing-here')
