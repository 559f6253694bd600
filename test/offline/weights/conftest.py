# Copyright 2026 dynofa_ros maintainers. SPDX-License-Identifier: Apache-2.0
"""A local web server."""

import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import pytest


@contextmanager
def running(server: ThreadingHTTPServer):
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def run_server():
    """Return a context manager that serves requests within its context."""
    return running
