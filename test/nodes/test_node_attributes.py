# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Attributes of our nodes must not overwrite those of rclpy.node.Node."""

import ast
from pathlib import Path

import pytest

rclpy = pytest.importorskip('rclpy', reason='needs ROS 2: run scripts/test')

import dynofa_ros.nodes  # noqa: E402

FOLDER = Path(dynofa_ros.nodes.__path__[0])
FILES = sorted(FOLDER.rglob('*.py'))


def assigned_by_nodes(file):
    """Return the attributes that subclasses of Node assign on self."""
    names = set()
    for each in ast.walk(ast.parse(file.read_text())):
        bases = [ast.unparse(base) for base in getattr(each, 'bases', [])]
        if isinstance(each, ast.ClassDef) and 'Node' in bases:
            for target in ast.walk(each):
                if (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.ctx, ast.Store)
                    and ast.unparse(target.value) == 'self'
                ):
                    names.add(target.attr)
    return names


@pytest.fixture(scope='module')
def names_of_rclpy():
    context = rclpy.Context()
    context.init()
    node = rclpy.create_node('any', context=context)
    yield set(vars(node)) | set(dir(type(node)))
    node.destroy_node()
    context.try_shutdown()


def test_node_classes_are_found():
    assert any(assigned_by_nodes(file) for file in FILES)


@pytest.mark.parametrize('file', FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_no_attribute_overwrites_one_of_rclpy(file, names_of_rclpy):
    assert assigned_by_nodes(file) & names_of_rclpy == set()
