"""`data put` shows on a terminal how a large file is read, and then sent to S3."""

from __future__ import annotations

import os

import pytest

from neurocaas_ci.cli import data
from neurocaas_ci.run.home import Home


@pytest.mark.slow
@pytest.mark.parametrize("where", ["folder", "s3"])
def test_a_large_file(bucket, tmp_path, monkeypatch, capsys, where):
    monkeypatch.setattr(data, "on_terminal", lambda: True)
    monkeypatch.setattr(data, "_LARGE", 1 << 20)
    content = os.urandom(40 << 20)
    file = tmp_path / "large.bin"
    file.write_bytes(content)
    home = Home(tmp_path / "home", store=f"s3://{bucket}/lab" if where == "s3" else None)
    entry = data.store_file(home, file, None, replace=False)
    assert home.blobs.verify(entry.sha256, len(content))
    shown = capsys.readouterr().err
    last = shown.rstrip("\n").rpartition("\r")[2]
    assert last == ("large.bin sending 100 %" if where == "s3" else "large.bin 100 %")
    assert ("\rlarge.bin  50 %" in shown) or ("\rlarge.bin  51 %" in shown)
    assert shown.endswith("\n")
