"""A registry in git with certificates that nobody signed: the website verifies none."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import yaml
from certify_facts import ORIGIN, make_facts, make_record

from neurocaas_ci.certify import layout
from neurocaas_ci.certify.statement import make_statement
from neurocaas_ci.model.digest import sha256_bytes

ROOT = Path(__file__).resolve().parents[3]
MONTH = "2026-11"
_VOID = {"link", "meta"}


class World:
    """The registry of this repository, as somebody's clone."""

    def __init__(self, folder: Path) -> None:
        self.repo = folder / "registry-clone"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER")
               for what, text in (("NAME", "ada"), ("EMAIL", "ada@example.org"),
                                  ("DATE", "2026-11-20T12:00:00Z"))},
        }  # fmt: skip
        for part in ("registry", "iae", ".github/ISSUE_TEMPLATE"):
            shutil.copytree(ROOT / part, self.repo / part)
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repo, env=self.env, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, content: object) -> None:
        target = self.repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, (str, bytes)) else yaml.safe_dump(content)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def edit(self, path: str, **changes: object) -> None:
        data = yaml.safe_load((self.repo / path).read_text())
        self.write(path, {**data, **changes})

    def job(self, name: str, login: str = "ada", **fields: object) -> str:
        """Add a job of one dataset; return its id."""
        dataset = {"uri": "store:mouse.npz", "sha256": "8" * 64, "size": 1000}
        self.write(
            f"registry/jobs/{login}/{MONTH}/{name}.yaml",
            {"schema": "neurocaas/job/v1", "name": name, "user": login, "datasets": [dataset],
             "blueprint": "kalman-smoother@1.0.0", "pricing": "standard", **fields},
        )  # fmt: skip
        return f"{login}/{MONTH}/{name}"

    def certify(self, job: str, *runs, change=lambda statement: None, **facts: object) -> bytes:
        """Add the certificate of a job; return its payload."""
        runs = runs or (make_record(job=job),)
        made = make_facts(*runs, job=job, reference="kalman-smoother@1.0.0", **facts)
        made = replace(made, manifest=replace(made.manifest, path=f"registry/jobs/{job}.yaml"))
        statement = json.loads(make_statement(made, ORIGIN))
        change(statement)
        payload = json.dumps(statement).encode()
        self.write(layout.certificate_path(job), bundle(payload))
        return payload

    def attest(self, job: str, payload: bytes, verdict: str, name: str) -> None:
        """Add the verdict of a replay."""
        subject = {
            "name": layout.certificate_path(job), "digest": {"sha256": sha256_bytes(payload)},
        }  # fmt: skip
        statement = {
            "_type": layout.STATEMENT_TYPE, "subject": [subject],
            "predicateType": layout.VERDICT_TYPE,
            "predicate": {
                "verifier": {"id": layout.VERIFIER_ID},
                "properties": [layout.replay_property(verdict)],
                "neurocaas_replay": {"verdict": verdict},
            },
        }  # fmt: skip
        path = f"{layout.replays_folder(job)}/{name}{layout.SUFFIX}"
        self.write(path, bundle(json.dumps(statement).encode()))

    def site(self, folder: Path, *arguments: str, code: int = 0, **env: str):
        done = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", "site", str(folder), "--no-fetch",
             *arguments],
            cwd=self.repo, env={**self.env, **env}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done


def bundle(payload: bytes) -> bytes:
    envelope = {"dsseEnvelope": {"payload": base64.b64encode(payload).decode()}}
    return json.dumps(envelope).encode()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text."""

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(content.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def links(self) -> list[str]:
        return [str(given["href"]) for _, given in self.elements if "href" in given]
