"""The second stand-in for AWS: ministack, which checks sums and policies that moto takes on trust."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto_server import Aws

_START_SECONDS = 60


@contextmanager
def ministack_server(folder: Path, **settings: str) -> Iterator[Aws]:
    """Run ministack on a free port of 127.0.0.1 until the block ends; its log is in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        **settings,
    }
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("ministack")], cwd=folder, env=environment,
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        found = Aws(f"http://127.0.0.1:{port}", "test")
        _wait(process, found.url)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen, url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/_ministack/health", timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
