# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""JSON schemas of the YAML files, with which editors complete keys and mark faults.

``python -m dynofa_ros.simulation.schemas [FOLDER]`` writes them to ``config/schemas`` or another
folder. Run it after a change of a value class; a test compares the committed files. A YAML file
names its schema in the first line: ``# yaml-language-server: $schema=FILE``.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dynofa_ros.atomic_file import write_json
from dynofa_ros.platform import description
from dynofa_ros.simulation import networks_file, scenario

FOLDER = Path(__file__).resolve().parents[2] / 'config' / 'schemas'
FILES: dict[str, TypeAdapter[Any]] = {
    'platform': description.FILE,
    'scenario': scenario.FILE,
    'networks': networks_file.FILE,
}


def schemas() -> dict[str, Any]:
    """Return the JSON schema of each kind of file, by its file name."""
    return {
        f'{name}.schema.json': {'$schema': 'https://json-schema.org/draft/2020-12/schema'}
        | _without_noise(kind.json_schema())
        for name, kind in FILES.items()
    }


def _without_noise(node: Any) -> Any:
    """Return a schema without defaults that JSON lacks, and without titles made of field names."""
    if isinstance(node, list):
        return [_without_noise(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_noise(each)
        for key, each in node.items()
        if not (key == 'default' and isinstance(each, float) and not math.isfinite(each))
        and not (key == 'title' and isinstance(each, str))
    }


def main() -> None:
    """Write the schemas."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        write_json(folder / name, schema)


if __name__ == '__main__':
    main()
