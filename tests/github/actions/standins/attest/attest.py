"""Check what actions/attest would be given, and that the job may ask for an identity."""

from __future__ import annotations

import glob
import os
import re
import sys
import urllib.request
from pathlib import Path

_CHECKSUM = re.compile(r"[0-9a-f]{64} [ *]\S+")


def main() -> int:
    """Do what the inputs say."""
    given = os.environ
    if not given.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        _say("::error::the job needs the permission id-token: write")
        return 1
    subjects = _subjects()
    if not subjects:
        _say("::error::there is no subject, or one without a sha256 digest")
        return 1
    address = f"{given['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=sigstore"
    secret = f"bearer {given['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"
    request = urllib.request.Request(address, headers={"Authorization": secret})  # noqa: S310 - the issuer
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310 - as above
        pass
    for subject in subjects:
        _say(f"attested {subject}")
    with Path(given["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"subjects={len(subjects)}\n")
    return 0


def _subjects() -> list[str]:
    given = os.environ
    if given["CHECKSUMS"]:
        lines = Path(given["CHECKSUMS"]).read_text().splitlines()
        return lines if all(map(_CHECKSUM.fullmatch, lines)) else []
    if given["DIGEST"]:
        return [f"{given['DIGEST']} {given['NAME']}"]
    return sorted(glob.glob(given["FILES"], recursive=True))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
