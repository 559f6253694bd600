# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""Environment variables of a node: DDS transports, memory allocator and OpenMP threads.

With the defaults of Fast DDS nearly every image is lost: 640x480 bgr8 (0.9 MB) exceeds the default
shared-memory segment (0.5 MB) and falls back to fragmented UDP. Settings of the user are kept.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dynofa_ros.share import share_path

# A user who sets one of these has chosen the transports.
TRANSPORT_VARIABLES = (
    'FASTDDS_BUILTIN_TRANSPORTS',
    'FASTDDS_DEFAULT_PROFILES_FILE',
    'FASTRTPS_DEFAULT_PROFILES_FILE',
    'ROS2_EASY_MODE',
)
# rmw_fastrtps sets how histories keep their memory, unless told to take that from the profiles.
POLICY_VARIABLE = 'RMW_FASTRTPS_USE_QOS_FROM_XML'
FASTDDS_IMPLEMENTATIONS = ('', 'rmw_fastrtps_cpp', 'rmw_fastrtps_dynamic_cpp')
# The profiles in config/ read their segment size from this variable.
SEGMENT_VARIABLE = 'DYNOFA_SHM_SEGMENT_BYTES'
LARGEST_SEGMENT_BYTES = 64 * 2**20
SMALLEST_SEGMENT_BYTES = 2 * 2**20
# Each process has its own segment: the nodes, a bag player, the demo and a few tools.
SEGMENTS_THAT_FIT = 8
SHARED_MEMORY = Path('/dev/shm')  # nosec B108 # where DDS keeps its segments
# glibc maps and unmaps every buffer above its threshold, which adapts to 32 MB at most. The page
# faults cost more than the transport. It reads these variables when a process starts.
ALLOCATOR_VARIABLES = {
    'MALLOC_MMAP_THRESHOLD_': str(512 * 2**20),
    'MALLOC_TRIM_THRESHOLD_': str(1024 * 2**20),
}
# Idle OpenMP threads spin by default, which is slow while another program is busy: with one of two
# cores taken, a 47-MFLOP sub-network took 775 ms on two threads, and 9 ms with passive waiting.
THREAD_VARIABLES = {'OMP_WAIT_POLICY': 'PASSIVE'}
WAITING_VARIABLES = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME')


def node_environment(
    environment: Mapping[str, str], *, shared_memory_bytes: int | None = None
) -> dict[str, str]:
    """Return the variables to add to ``environment`` before a node starts.

    Each group is left out if the user has set one of its variables:

    - Fast DDS transports: ``config/fastdds_localhost.xml`` if ROS 2 is limited to this machine,
      otherwise ``config/fastdds.xml``. ``FASTDDS_BUILTIN_TRANSPORTS=LARGE_DATA`` is no alternative:
      nodes with it receive nothing from nodes on other machines without it.
    - glibc's allocator thresholds.
    - OpenMP threads that sleep while idle.

    ``shared_memory_bytes`` is the size of ``/dev/shm``; None: read it from this machine.
    """

    def is_set(*names: str) -> bool:
        return any(environment.get(name) for name in names)

    added: dict[str, str] = {}
    uses_fastdds = environment.get('RMW_IMPLEMENTATION', '') in FASTDDS_IMPLEMENTATIONS
    if uses_fastdds and not is_set(*TRANSPORT_VARIABLES):
        # Fast DDS 2.14 reads the older name, which is deprecated from Kilted on.
        prefix = 'FASTRTPS' if environment.get('ROS_DISTRO') == 'jazzy' else 'FASTDDS'
        name = 'fastdds_localhost.xml' if is_localhost_only(environment) else 'fastdds.xml'
        added[f'{prefix}_DEFAULT_PROFILES_FILE'] = str(share_path(f'config/{name}'))
        if shared_memory_bytes is None:
            shared_memory_bytes = shutil.disk_usage(SHARED_MEMORY).total
        added[SEGMENT_VARIABLE] = str(segment_bytes(shared_memory_bytes))
        if not is_set(POLICY_VARIABLE):
            added[POLICY_VARIABLE] = '1'
    tunes_glibc = 'glibc.malloc.' in environment.get('GLIBC_TUNABLES', '')
    if not (tunes_glibc or is_set(*ALLOCATOR_VARIABLES)):
        added.update(ALLOCATOR_VARIABLES)
    if not is_set(*WAITING_VARIABLES):
        added.update(THREAD_VARIABLES)
    return added


def run_again_with(added: Mapping[str, str]) -> None:
    """Restart this process with additional variables, if there are any.

    The C library reads some of them only when a process starts.
    """
    if added:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **added})


def segment_bytes(shared_memory_bytes: int) -> int:
    """Return the segment size of a process: 1/8 of ``/dev/shm``, from 2 MiB to 64 MiB.

    In a container ``/dev/shm`` is often 64 MiB, and Fast DDS falls back to UDP if a segment does
    not fit.
    """
    share = shared_memory_bytes // SEGMENTS_THAT_FIT
    return max(SMALLEST_SEGMENT_BYTES, min(LARGEST_SEGMENT_BYTES, share))


def is_localhost_only(environment: Mapping[str, str]) -> bool:
    """Return whether ROS 2 is limited to nodes on this machine."""
    if environment.get('ROS_LOCALHOST_ONLY') == '1':  # the older variable has precedence
        return True
    if environment.get('ROS_STATIC_PEERS'):  # individual other machines
        return False
    return environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '').upper() == 'LOCALHOST'


def main() -> None:
    """Print the variables to add to this environment as shell ``export`` lines."""
    for name, value in node_environment(os.environ).items():
        print(f'export {name}={shlex.quote(value)}')


if __name__ == '__main__':
    main()
