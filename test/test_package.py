# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""What the package says about itself agrees with what is in it."""

import ast
import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dynofa_ros

ROOT = Path(__file__).resolve().parent.parent
MESSAGES = sorted((ROOT / 'msg').glob('*.msg'))
# Where an imported module comes from, if not from the package of its own name: apt by a key of
# package.xml, pip by a requirement of pyproject.toml.
KEYS = {'cv2': 'python3-opencv', 'yaml': 'python3-yaml'}
DISTRIBUTIONS = {
    'backports': 'rosbags',  # backports.zstd comes with rosbags
    'cv2': 'opencv-python-headless',
    'lz4': 'rosbags',  # as does lz4
    'skimage': 'scikit-image',
    'sklearn': 'scikit-learn',
    'typing_extensions': 'typing-extensions',
    'yaml': 'pyyaml',
}
STANDARD = {*sys.stdlib_module_names, 'compression', 'dynofa_ros'}


def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def dependencies(*tags: str) -> set[str]:
    root = manifest()
    return {(element.text or '') for tag in tags for element in root.findall(tag)}


def requirements(*extras: str) -> set[str]:
    """Return the names of pip's packages that extras install."""
    module = load_script('extra_requirements')
    return {
        canonicalize_name(Requirement(each).name) for each in module.extra_requirements(*extras)
    }


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / 'scripts' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_declared(module: str, keys: set[str], names: set[str]) -> bool:
    """Return whether apt or pip brings a module."""
    return (
        module in STANDARD
        or module in keys  # of ROS 2
        or KEYS.get(module, f'python3-{module}') in keys
        or DISTRIBUTIONS.get(module, module) in names
    )


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
    keys = dependencies('depend', 'exec_depend')
    names = requirements('train', 'demo', 'images', 'onnxruntime')
    missing = {
        f'{module} ({file.relative_to(ROOT)})'
        for module, file in imported_modules(('dynofa_ros', 'launch')).items()
        if not is_declared(module, keys, names)
    }
    assert not missing


def test_every_package_that_tests_import_is_a_dependency() -> None:
    keys = dependencies('depend', 'exec_depend', 'test_depend')
    names = requirements('train', 'demo', 'images', 'onnxruntime', 'test')
    own = [file for folder in ('test', 'benchmarks') for file in (ROOT / folder).rglob('*.py')]
    packages = {file.parent.name for file in own if file.name == '__init__.py'}
    known = packages | {file.stem for file in own}  # each other
    missing = {
        f'{module} ({file.relative_to(ROOT)})'
        for module, file in imported_modules(('test',)).items()
        if module not in known and not is_declared(module, keys, names)
    }
    assert not missing


# What each needs is in the layer that a robot has; the perception node needs the extra torch too.
@pytest.mark.parametrize('module', ['resource_manager.node', 'platform.node', 'bag_player.node'])
def test_a_node_imports_nothing_but_the_layer_run(module: str) -> None:
    program = f'import dynofa_ros.nodes.{module}, sys; print(*sys.modules)'
    loaded = {name.partition('.')[0] for name in output_of(program)}
    others = requirements('train', 'demo', 'imagenet', 'test') - requirements('run')
    assert 'torch' in others
    assert not {name for name in loaded if DISTRIBUTIONS.get(name, name) in others}


def test_a_launch_file_needs_no_package_of_pip() -> None:
    """`ros2 launch` runs with the system's Python, which does not see the robot's environment."""
    stand_ins = f'import sys; sys.path.insert(0, {str(ROOT / "test")!r}); import recorded_launch'
    names = sorted(file.name.partition('.')[0] for file in (ROOT / 'launch').glob('*.py'))
    assert names
    loads = '; '.join(f'recorded_launch.load({name!r})' for name in names)
    program = f'{stand_ins}; {loads}; print(*sys.modules)'
    loaded = {name.partition('.')[0] for name in output_of(program)}
    assert not {name for name in loaded if DISTRIBUTIONS.get(name, name) in requirements('run')}


def output_of(program: str) -> list[str]:
    command = [sys.executable, '-c', program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_apt_brings_what_every_installation_by_pip_does() -> None:
    """The dependencies of pyproject.toml, and of package.xml: what nodes need of either."""
    project = load_script('extra_requirements').tomllib.loads((ROOT / 'pyproject.toml').read_text())
    names = {Requirement(each).name for each in project['project']['dependencies']}
    keys = {KEYS.get(module, f'python3-{module}') for module in ('cv2', 'numpy', 'yaml')}
    assert names == {DISTRIBUTIONS.get(module, module) for module in ('cv2', 'numpy', 'yaml')}
    of_python = {key for key in dependencies('depend', 'exec_depend') if key.startswith('python3-')}
    assert of_python == keys | {'python3-venv'}  # for scripts/setup --robot


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
