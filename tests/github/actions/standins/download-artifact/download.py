"""Fetch artifacts as actions/download-artifact does: of this run, or of another by GitHub's API."""

from __future__ import annotations

import fnmatch
import io
import json
import os
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path


def main() -> int:
    """Do what the inputs say."""
    given = os.environ
    name, pattern, folder = given["NAME"], given["PATTERN"] or "*", Path(given["FOLDER"]).absolute()
    try:
        found = {
            title: content
            for title, content in (_others() if given["TOKEN"] else _own())
            if (title == name if name else fnmatch.fnmatchcase(title, pattern))
        }
    except urllib.error.HTTPError as error:
        _say(f"::error::artifacts of run {given['RUN']}: HTTP {error.code} {error.reason}")
        return 1
    if name and not found:
        _say(f"::error::run {given['RUN']} has no artifact {name}")
        return 1
    for title, content in found.items():
        target = folder if name or given["MERGE"] == "true" else folder / title
        target.mkdir(parents=True, exist_ok=True)
        # Like the real one this trusts sizes; names that lead elsewhere are made harmless.
        zipfile.ZipFile(io.BytesIO(content)).extractall(target)
    with Path(given["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"download-path={folder}\n")
    return 0


def _own() -> Iterator[tuple[str, bytes]]:
    for path in sorted(Path(os.environ["STANDIN_ARTIFACTS"]).glob("*.zip")):
        yield path.stem, path.read_bytes()


def _others() -> Iterator[tuple[str, bytes]]:
    given = os.environ
    address = f"{given['GITHUB_API_URL']}/repos/{given['REPOSITORY']}/actions/runs/{given['RUN']}"
    listing = json.loads(_get(f"{address}/artifacts?per_page=100"))
    for artifact in listing["artifacts"]:
        if not given["NAME"] or artifact["name"] == given["NAME"]:
            yield artifact["name"], _get(artifact["archive_download_url"])


def _get(address: str) -> bytes:
    request = urllib.request.Request(address)  # noqa: S310 - the fake
    # The storage that GitHub redirects to refuses requests with a token.
    request.add_unredirected_header("Authorization", f"Bearer {os.environ['TOKEN']}")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        content: bytes = answer.read()
    return content


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
