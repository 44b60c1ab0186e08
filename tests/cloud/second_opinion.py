"""Another cloud on this machine: ministack, which detects drift and lists by tag."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest import mock

import boto3
from cloudformation import environment

_PATIENCE = 60


@contextlib.contextmanager
def second_cloud(folder) -> Iterator[str]:
    """Run ministack on loopback for the block; everything it writes lies in `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    env = {
        **os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0", "HOME": str(folder), "TMPDIR": str(folder),
    }  # fmt: skip
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], cwd=folder, env=env, stdout=log, stderr=log
        )
        try:
            with mock.patch.dict(os.environ, environment(address)):
                _wait(process, folder)
                yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait(process, folder) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(Exception):
            boto3.client("sts").get_caller_identity()
            return
        time.sleep(0.2)
    raise RuntimeError((folder / "ministack.log").read_text()[-2000:])
