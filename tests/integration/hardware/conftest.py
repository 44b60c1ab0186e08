"""A registry with an origin, a price list on this machine, and moto for all that EC2 says."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from price_server import PriceServer

_UNIT = Path(__file__).parents[2] / "unit"


def _module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


price_rows = _module("price_rows", _UNIT / "hardware/price_rows.py")
Shell = _module("cli_shell", _UNIT / "cli/conftest.py").Shell

_FILES = {
    "policy.yaml": "schema: neurocaas/policy/v1\nmaintainers: [ada]\n",
    "users/ada.yaml": "schema: neurocaas/user/v1\nlogin: ada\nforge_id: 1\nname: Ada\n",
    "hardware/laptop.yaml": (
        "schema: neurocaas/hardware/v1\nid: laptop\nprovider: local\nvcpus: 2\nmemory: 4GiB\n"
        "price_usd_per_hour: {standard: 0}\nsource: ours\ndate: 2026-01-01\n"
    ),
    "hardware/m5.large.yaml": (
        "# Small.\nschema: neurocaas/hardware/v1\nid: m5.large\nprovider: aws\nvcpus: 2\n"
        "memory: 8GiB # as AWS says\nprice_usd_per_hour: {standard: 0.1}\nsource: by hand\n"
        "date: 2026-01-01\n"
    ),
    "hardware/fargate-4vcpu-16gb.yaml": (
        "schema: neurocaas/hardware/v1\nid: fargate-4vcpu-16gb\nprovider: aws\nlaunch: fargate\n"
        "vcpus: 4\nmemory: 16GiB\nprice_usd_per_hour: {standard: 0.3}\nsource: by hand\n"
        "date: 2026-01-01\n"
    ),
}


@pytest.fixture(scope="session")
def ec2_url():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def prices():
    server = PriceServer()
    server.rows = [
        price_rows.instance_row("m5.large", "0.0960000000"),
        price_rows.instance_row("g5.xlarge", "1.0060000000"),
        *price_rows.fargate_rows(),
    ]
    yield server
    server.close()


class World(Shell):
    """A clone and its bare origin; AWS is what the two servers say."""

    def __init__(self, folder, prices, ec2_url):
        super().__init__(folder)
        self.env = {k: v for k, v in self.env.items() if not k.startswith("AWS_")} | {
            "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_PRICING": prices.url, "AWS_ENDPOINT_URL_EC2": ec2_url,
            "GITHUB_REPOSITORY": "", "GITHUB_TOKEN": "", "GH_TOKEN": "",
        }  # fmt: skip
        self.repo, self.origin = folder / "registry", folder / "origin.git"
        self.git("init", "-q", "--bare", "-b", "main", self.origin, cwd=folder)
        self.git("init", "-q", "-b", "main", self.repo, cwd=folder)
        for path, text in _FILES.items():
            place = self.repo / "registry" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        self.git("remote", "add", "origin", self.origin)
        self.git("add", ".")
        self.git("commit", "-q", "-m", "Found the registry")
        self.git("push", "-q", "origin", "main")

    def git(self, *arguments, cwd=None):
        done = subprocess.run(
            ["git", *map(str, arguments)], cwd=cwd or self.repo, env=self.env,
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def hardware(self, *arguments, code=0, **env):
        return self.run("hardware", *arguments, code=code, cwd=self.repo, **env)

    def proposed(self, name, branch="prices/us-east-1"):
        return self.git("show", f"{branch}:registry/hardware/{name}.yaml", cwd=self.origin)


@pytest.fixture
def world(tmp_path, prices, ec2_url):
    return World(tmp_path, prices, ec2_url)
