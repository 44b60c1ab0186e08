"""A registry in git that tests write into quickly: one blueprint, hardware at a dollar an hour."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from neurocaas_ci.model.places import PROVENANCE_TYPE, STATEMENT_TYPE, certificate_path

MONTH = "2026-11"
ENV = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "NEUROCAAS_"))},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER")
       for what, text in (("NAME", "ada"), ("EMAIL", "ada@example.org"))},
}  # fmt: skip


def user(login, budget=None):
    data = {"schema": "neurocaas/user/v1", "login": login, "forge_id": 1, "name": login}
    return data if budget is None else {**data, "budget_usd": budget}


def group(name, budget, *members):
    return {
        "schema": "neurocaas/group/v1", "name": name, "title": name, "budget_usd": budget,
        "members": list(members),
    }  # fmt: skip


def hardware(name, price, save=None):
    prices = {"standard": price} if save is None else {"standard": price, "save": save}
    return {
        "schema": "neurocaas/hardware/v1", "id": name, "provider": "local", "vcpus": 2,
        "memory": "4GiB", "price_usd_per_hour": prices, "source": "test", "date": "2026-11-01",
    }  # fmt: skip


def blueprint(version="1.0.0", budget=None, name="probe", runtime="1h", **changes):
    limits = {"max_cost_usd": 10_000} | ({} if budget is None else {"budget_usd": budget})
    return {
        "schema": "neurocaas/blueprint/v1", "name": name, "version": version, "title": "Probe",
        "summary": "A probe.", "subfield": "Tests", "references": [{"citation": "none"}],
        "maintainers": ["ada"], "stage": "open", "groups": [], "protocol": "parallel",
        "steps": [{"id": "work", "iae": "probe", "max_runtime": runtime,
                   "hardware": {"default": "dollar", "allowed": ["dollar", "cent"]}}],
        "datasets": {"suffixes": [".txt"]},
        "parameters": {"type": "object", "additionalProperties": False, "properties": {}},
        "outputs": [{"path": "r", "compare": {"kind": "exact"}}], "limits": limits, **changes,
    }  # fmt: skip


def manifest(name, datasets=1, login="ada", version="1.0.0", **fields):
    rows = [{"uri": f"store:d{i}.txt", "sha256": "0" * 64, "size": 1} for i in range(datasets)]
    return {
        "schema": "neurocaas/job/v1", "name": name, "user": login,
        "blueprint": f"probe@{version}", "datasets": rows, **fields,
    }  # fmt: skip


def job_path(name, login="ada"):
    return f"registry/jobs/{login}/{MONTH}/{name}.yaml"


def certificate(job, cost, **changes):
    """Return a bundle that says what a job used; its signature is no matter of the ledger."""
    statement = {
        "_type": STATEMENT_TYPE,
        "predicateType": PROVENANCE_TYPE,
        "predicate": {
            "buildDefinition": {"externalParameters": {"job": f"registry/jobs/{job}.yaml"}},
            "runDetails": {
                "byproducts": [{"name": "job-record.json", "annotations": {"cost_usd": cost}}]
            },
        },
        **changes,
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"dsseEnvelope": {"payload": payload}})


class World:
    """A repository below a folder, and an own cache for the command line."""

    def __init__(self, folder: Path) -> None:
        self.repo = folder / "registry"
        self.home = folder / "home"
        self.cache = self.home / "cache"
        self.repo.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.clock = 1_795_000_000

    def git(self, *arguments, **environment) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.repo, env={**ENV, **environment}, check=True,
            capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def write(self, path: str, content: object) -> None:
        target = self.repo / path
        if content is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        target.write_text(text)

    def commit(self, files=None, message="change") -> str:
        for path, content in (files or {}).items():
            self.write(path, content)
        self.clock += 3600
        self.git("add", "-A")
        when = f"{self.clock} +0000"
        self.git(
            "commit", "-q", "--allow-empty", "-m", message,
            GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when,
        )  # fmt: skip
        return self.git("rev-parse", "HEAD")

    def start(self, ada=10, lab=20) -> str:
        return self.commit(
            {
                "registry/users/ada.yaml": user("ada", ada),
                "registry/users/grace.yaml": user("grace"),
                "registry/groups/lab.yaml": group("lab", lab, "ada", "grace"),
                "registry/hardware/dollar.yaml": hardware("dollar", 1, 0.25),
                "registry/hardware/cent.yaml": hardware("cent", 0.01),
                "registry/blueprints/probe.yaml": blueprint(),
            },
            "Start",
        )

    def job(self, name, datasets=1, login="ada", **fields) -> str:
        self.commit({job_path(name, login): manifest(name, datasets, login, **fields)}, name)
        return f"{login}/{MONTH}/{name}"

    def certify(self, job, cost, **changes) -> str:
        return self.commit({certificate_path(job): certificate(job, cost, **changes)}, "Certify")

    def run(self, *arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "neurocaas_ci.cli.main", *arguments], cwd=self.repo,
            env={**ENV, "NEUROCAAS_HOME": str(self.home)}, capture_output=True, text=True,
            check=False, timeout=100, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done
