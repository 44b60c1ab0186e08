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
def second_cloud(folder, **settings: str) -> Iterator[str]:
    """Run ministack on loopback for the block; everything it writes lies in `folder`.

    With the setting `AUTH="true"` policies and trust count, for all but the caller `test`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    env = {
        **os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0", "HOME": str(folder), "TMPDIR": str(folder), **settings,
    }  # fmt: skip
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__], cwd=folder, env=env, stdout=log, stderr=log
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


def _main() -> None:
    """Run ministack with a gap closed: it knows `aud` and `sub` of an identity, AWS also the branch.

    https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/
    """
    import jwt
    from ministack.app import main
    from ministack.services import sts

    known = sts._web_identity_principal

    def principal(token, provider, role):
        arn, keys = known(token, provider, role)
        with contextlib.suppress(jwt.InvalidTokenError):
            claims = jwt.decode(token, options={"verify_signature": False})
            keys |= {f"{arn.partition('/')[2]}:ref": claims.get("ref", "")}
        return arn, keys

    sts._web_identity_principal = principal
    main()


if __name__ == "__main__":
    _main()
