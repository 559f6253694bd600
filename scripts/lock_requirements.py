# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Write scripts/requirements*.txt: pinned versions and SHA-256 hashes of the files in *.in.

Every version and hash comes from `pip install --dry-run --no-deps --report`, so from the index and
the settings (mirror, find-links) of pip on this machine. Each file is complete: the dependencies of
the packages are in it, so that it can be installed with `--require-hashes --no-deps`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).parent
PYTHONS = ('3.10', '3.11', '3.12', '3.13')
MACHINES = ('x86_64', 'aarch64')
GLIBC_MINORS = range(35, 4, -1)
"""Ubuntu 22.04, the oldest supported system, has glibc 2.35."""
GPU_LIBRARIES = ('nvidia-', 'cuda-', 'triton')
"""Dependencies of PyTorch's GPU builds only: 3 GB, which only these builds need."""
FILES = {
    'requirements-pip': (),
    'requirements-torch': (),
    'requirements': ('requirements-torch',),
    'requirements-ros': ('requirements-torch', 'requirements'),
    'requirements-audit': (),
    'requirements-mutation': ('requirements-torch', 'requirements'),
}
"""Each file, and those that are installed before it, whose versions it must take over."""
ONLY_X86 = ('requirements-ros',)
"""ROS 2 exists as Python wheels for x86_64 only."""
NO_DEPENDENCIES = ('requirements-torch',)
"""PyTorch's dependencies are in `requirements`."""


@dataclass(frozen=True)
class Target:
    """A Python version on a kind of machine."""

    python: str
    machine: str

    @property
    def environment(self) -> dict[str, str]:
        """Values of the environment markers."""
        return {
            **default_environment(),
            'python_version': self.python,
            'python_full_version': f'{self.python}.1',
            'platform_machine': self.machine,
        }

    @property
    def options(self) -> list[str]:
        """Options that make pip choose files for this target."""
        tags = [f'manylinux_2_{minor}_{self.machine}' for minor in GLIBC_MINORS]
        tags += [f'manylinux2014_{self.machine}', f'linux_{self.machine}']
        platforms = [word for tag in tags for word in ('--platform', tag)]
        return ['--python-version', self.python, '--implementation', 'cp', *platforms]


@dataclass
class Locked:
    """One version of a package: its targets, and the hashes of its files for them."""

    targets: set[Target] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)


Pins = dict[str, str]
"""Version by canonical name."""


def applies(requirement: Requirement, target: Target, extras: Iterable[str] = ('',)) -> bool:
    """Return whether a requirement holds on a target."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**target.environment, 'extra': extra}) for extra in extras
    )


def read(name: str, target: Target) -> list[Requirement]:
    """Return the requirements of a .in file that hold on a target."""
    lines = (line.partition('#')[0].strip() for line in (FOLDER / f'{name}.in').open())
    found = [Requirement(line) for line in lines if line]
    return [each for each in found if applies(each, target)]


def report(lines: list[str], target: Target) -> list[dict]:
    """Return pip's choice for these requirements; those without a file for aarch64 are left out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'requirements.txt'
        while True:
            file.write_text('\n'.join(lines))
            command = [sys.executable, '-m', 'pip', 'install', '--dry-run', '--no-deps', '--quiet']
            command += ['--ignore-installed', '--target', folder, '--report', '-']
            command += [*target.options, '-r', str(file)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode == 0:
                return json.loads(run.stdout)['install']
            lost = re.search(r'No matching distribution found for ([\w.-]+)', run.stderr)
            if lost is None or target.machine == 'x86_64':
                sys.exit(f'{target}: {run.stderr.strip()[-500:]}')
            print(f'  {target.python} {target.machine}: no file of {lost[1]}', flush=True)
            lost_name = canonicalize_name(lost[1])
            lines = [
                each for each in lines if canonicalize_name(Requirement(each).name) != lost_name
            ]


def resolve(
    name: str, target: Target, earlier: Mapping[str, str]
) -> dict[str, tuple[str, set[str]]]:
    """Return version and hashes of every package of a file, with all dependencies."""
    wanted: dict[str, set[str]] = defaultdict(set)
    extras: dict[str, set[str]] = defaultdict(lambda: {''})

    def want(requirement: Requirement) -> None:
        key = canonicalize_name(requirement.name)
        if key.startswith(GPU_LIBRARIES):
            return
        wanted[key].add(f'=={earlier[key]}' if key in earlier else str(requirement.specifier))
        extras[key] |= requirement.extras

    for requirement in read(name, target):
        want(requirement)
    if name == 'requirements':  # with the dependencies of PyTorch, but not itself
        for requirement in read('requirements-torch', target):
            want(requirement)
    while True:
        before = {key: (set(wanted[key]), set(extras[key])) for key in wanted}
        lines = [f'{key}{each}' for key, specifiers in wanted.items() for each in specifiers]
        chosen = report(lines, target)
        if name in NO_DEPENDENCIES:
            break
        for item in chosen:
            key = canonicalize_name(item['metadata']['name'])
            for text in item['metadata'].get('requires_dist', ()):
                requirement = Requirement(text)
                if applies(requirement, target, extras[key]):
                    want(requirement)
        if before == {key: (set(wanted[key]), set(extras[key])) for key in wanted}:
            break
    locked = {}
    for item in chosen:
        key = canonicalize_name(item['metadata']['name'])
        version = Version(item['metadata']['version'])
        hashes = {item['download_info']['archive_info']['hashes']['sha256']}
        if version.local:  # a build of this machine; the one of the index is allowed as well
            for other in report([f'{key}==={version.public}'], target):
                hashes.add(other['download_info']['archive_info']['hashes']['sha256'])
        locked[key] = (version.public, hashes)
    if name == 'requirements':
        for requirement in read('requirements-torch', target):
            locked.pop(canonicalize_name(requirement.name), None)
    return locked


def marker(targets: set[Target], machines: tuple[str, ...]) -> str:
    """Return the marker of a requirement that holds on some targets only."""
    pythons = [each for each in PYTHONS if any(t.python == each for t in targets)]
    parts = []
    if pythons != list(PYTHONS):
        if pythons == list(PYTHONS[: len(pythons)]):
            parts.append(f'python_version < "{PYTHONS[len(pythons)]}"')
        elif pythons == list(PYTHONS[-len(pythons) :]):
            parts.append(f'python_version >= "{pythons[0]}"')
        else:
            either = ' or '.join(f'python_version == "{each}"' for each in pythons)
            parts.append(f'({either})')
    found = [each for each in machines if any(t.machine == each for t in targets)]
    if len(found) < len(machines):
        parts.append(f'platform_machine == "{found[0]}"')
    return f' ; {" and ".join(parts)}' if parts else ''


def locked_pins(name: str, target: Target) -> Pins:
    """Return the versions in a file that was written before, for a target."""
    pins = {}
    for line in (FOLDER / f'{name}.txt').read_text().splitlines():
        if '==' in line and not line.startswith('#'):
            requirement = Requirement(line.removesuffix(' \\'))
            if applies(requirement, target):
                pins[canonicalize_name(requirement.name)] = str(requirement.specifier)[2:]
    return pins


def main() -> None:
    """Lock the named files, by default all."""
    for name in sys.argv[1:] or FILES:
        print(f'{name}.txt', flush=True)
        machines = MACHINES[:1] if name in ONLY_X86 else MACHINES
        packages: dict[tuple[str, str], Locked] = defaultdict(Locked)
        for target in (Target(python, machine) for machine in machines for python in PYTHONS):
            earlier: Pins = {}
            for each in FILES[name]:
                earlier |= locked_pins(each, target)
            locked = resolve(name, target, earlier)
            for key, (version, hashes) in locked.items():
                packages[key, version].targets.add(target)
                packages[key, version].hashes |= hashes
        lines = [
            f'# Made from {name}.in by scripts/lock_requirements.py: edit that file, then run it.',
        ]
        for (key, version), each in sorted(packages.items()):
            lines.append(f'{key}=={version}{marker(each.targets, machines)} \\')
            lines += [f'    --hash=sha256:{digest} \\' for digest in sorted(each.hashes)]
            lines[-1] = lines[-1].removesuffix(' \\')
        (FOLDER / f'{name}.txt').write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
    main()
