# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the package says about itself agrees with what is in it."""

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import dynofa_ros

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = sorted((ROOT / 'msg').glob('*.msg'))
# rosdep key of each Python module whose key is not its own name.
KEYS = {
    'backports': 'python3-rosbags-pip',  # backports.zstd comes with rosbags
    'cv2': 'python3-opencv',
    'hypothesis': 'python3-hypothesis',
    'lz4': 'python3-rosbags-pip',  # as does lz4
    'matplotlib': 'python3-matplotlib',
    'nncf': 'python3-nncf-pip',
    'numpy': 'python3-numpy',
    'onnx': 'python3-onnx-pip',
    'onnxruntime': 'python3-onnxruntime-pip',
    'openvino': 'python3-openvino-pip',
    'packaging': 'python3-packaging',
    'pydantic': 'python3-pydantic',
    'pymoo': 'python3-pymoo-pip',
    'pytest': 'python3-pytest',
    'rich': 'python3-rich',
    'rosbags': 'python3-rosbags-pip',
    'scipy': 'python3-scipy',
    'skimage': 'python3-skimage',
    'sklearn': 'python3-sklearn',
    'torch': 'python3-torch',
    'typing_extensions': 'python3-typing-extensions',
    'yaml': 'python3-yaml',
}
STANDARD = {*sys.stdlib_module_names, 'compression', 'dynofa_ros'}


def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def dependencies(*tags: str) -> set[str]:
    root = manifest()
    return {(element.text or '') for tag in tags for element in root.findall(tag)}


def imported_modules(folders: tuple[str, ...]) -> dict[str, Path]:
    """Return each imported module's first name, with one file that imports it."""
    found: dict[str, Path] = {}
    for folder in folders:
        for file in sorted((ROOT / folder).rglob('*.py')):
            for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or '']
                else:
                    continue
                found.update({name.split('.')[0]: file for name in names})
    return found


def fields(message: Path) -> list[str]:
    lines = message.read_text(encoding='utf-8').splitlines()
    return [line for line in lines if line.strip() and not line.startswith('#')]


def test_every_imported_package_is_a_dependency() -> None:
    declared = dependencies('depend', 'exec_depend')
    missing = {
        f'{module} ({file.relative_to(ROOT)})'
        for module, file in imported_modules(('dynofa_ros', 'launch')).items()
        if module not in STANDARD and KEYS.get(module, module) not in declared
    }
    assert not missing


def test_every_package_that_tests_import_is_a_dependency() -> None:
    declared = dependencies('depend', 'exec_depend', 'test_depend')
    own = [file for folder in ('test', 'benchmarks') for file in (ROOT / folder).rglob('*.py')]
    packages = {file.parent.name for file in own if file.name == '__init__.py'}
    known = STANDARD | packages | {file.stem for file in own}  # each other
    missing = {
        f'{module} ({file.relative_to(ROOT)})'
        for module, file in imported_modules(('test',)).items()
        if module not in known and KEYS.get(module, module) not in declared
    }
    assert not missing


def test_every_message_package_is_a_build_dependency() -> None:
    used = {
        match.group(1)
        for message in MESSAGES
        for line in fields(message)
        if (match := re.match(r'(\w+)/\w+', line))
    }
    assert used
    assert used <= dependencies('depend')


def test_colcon_builds_it_with_cmake() -> None:
    assert manifest().findtext('export/build_type') == 'ament_cmake'


def test_every_node_is_installed_as_an_executable() -> None:
    cmake = (ROOT / 'CMakeLists.txt').read_text(encoding='utf-8')
    named = re.search(r'^foreach\(node ([\w ]+)\)', cmake, flags=re.MULTILINE)
    assert named
    installed = set(named[1].split())
    folders = {
        file.parent.name
        for file in (ROOT / 'dynofa_ros' / 'nodes').glob('*/node.py')
        if re.search(r'^def main\(', file.read_text(encoding='utf-8'), flags=re.MULTILINE)
    }
    assert {executable.removesuffix('_node') for executable in installed} == folders


def test_the_version_is_the_same_everywhere() -> None:
    version = manifest().findtext('version')
    changelog = (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8')
    assert dynofa_ros.__version__ == version
    assert re.search(r'^(\d+\.\d+\.\d+) ', changelog, flags=re.MULTILINE).group(1) == version


@pytest.mark.parametrize('message', MESSAGES, ids=lambda path: path.stem)
def test_every_field_of_a_message_is_explained(message: Path) -> None:
    bare = [line for line in fields(message) if not re.search(r'#\s*\w', line)]
    assert fields(message)
    assert not bare


@pytest.mark.parametrize('message', MESSAGES, ids=lambda path: path.stem)
def test_every_quantity_of_a_message_has_its_unit(message: Path) -> None:
    units = {'_s': '[s]', '_j': '[J]', '_w': '[W]', '_hz': '[Hz]', '_c': '[degrees Celsius]'}
    without = [
        line
        for line in fields(message)
        for suffix, unit in units.items()
        if line.split()[1].endswith(suffix) and unit not in line
    ]
    assert not without


def test_every_python_file_has_a_copyright_line() -> None:
    folders = ('dynofa_ros', 'test', 'benchmarks', 'launch', 'scripts', 'cmake')
    files = [ROOT / 'setup.py', *(f for name in folders for f in (ROOT / name).rglob('*.py*'))]
    without = [
        str(file.relative_to(ROOT))
        for file in files
        if file.suffix in ('.py', '.in') and '.py' in file.name
        if 'SPDX-License-Identifier: Apache-2.0' not in file.read_text(encoding='utf-8')[:200]
    ]
    assert not without
