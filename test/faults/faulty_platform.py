# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""The platform node on a fake kernel whose drivers fail on demand.

Before each write the kernel reads `kernel_faults.json` in its root: `errno` refuses the write,
`delay_s` delays it.
"""

import errno
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'platform' / 'linux'))

from fake_kernel import FakeKernel

from dynofa_ros.nodes.platform import node

FAULTS = 'kernel_faults.json'


class FaultyKernel(FakeKernel):
    """A fake kernel that other processes read too, so each file is replaced atomically."""

    def put(self, name: str, value: object) -> None:
        file = self.path(name)
        partial = file.with_name(f'.{file.name}')
        partial.write_text(f'{value}\n')
        partial.replace(file)

    def faults(self) -> dict[str, float]:
        try:
            return json.loads((self.root / FAULTS).read_text())
        except (OSError, ValueError):  # none, or being written
            return {}

    def writable(self, name: str) -> bool:
        return self.faults().get('errno') != errno.EROFS and super().writable(name)

    def write(self, name: str, text: str) -> None:
        faults = self.faults()
        time.sleep(faults.get('delay_s', 0.0))
        if code := int(faults.get('errno', 0)):
            raise OSError(code, os.strerror(code), name)
        super().write(name, text)


if __name__ == '__main__':
    node.Sysfs = FaultyKernel
    sys.exit(node.main())
