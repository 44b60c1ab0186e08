"""IAE, hardware, user, group and job as they stand in the registry; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.named import NamedTuple

BaseKind = Literal["deb", "host", "oci"]
Pricing = Literal["standard", "save"]
Launch = Literal["ec2", "fargate"]
ExecutorKind = Literal["local", "slurm", "aws-batch"]
ForgeKind = Literal["local", "github"]

DEFAULT_BUDGET_USD = 300.0


class SourcePackage(NamedTuple):
    """A package that is built from source: an sdist of the index, or one commit of a git repository.

    `git` is the address of the repository and `commit` a full id; both are empty for an sdist.
    """

    name: str
    version: str
    git: str = ""
    commit: str = ""


class Sources(NamedTuple):
    """What an environment builds from source, and with which Debian packages and exact wheels."""

    packages: tuple[SourcePackage, ...]
    debian: tuple[str, ...]
    requirements: tuple[str, ...]


class Iae(NamedTuple):
    """An immutable analysis environment as described by `iae/<name>/iae.yaml`.

    `base` holds the keys of the base besides its kind (`packages` for deb, `image` for oci).
    `determinism` names the profile of fixed environment variables and CPU features. Packages in
    `shared_wheels` get a layer of their own, the same in every image that locks the same wheel.
    `sources` is None where every package has a wheel.
    """

    name: str
    platform: str
    base_kind: BaseKind
    base: Mapping[str, Any]
    python: str
    entrypoint: tuple[str, ...]
    determinism: str
    environment: Mapping[str, str]
    sample: str | None
    shared_wheels: tuple[str, ...] = ()
    sources: Sources | None = None


class IaeLock(NamedTuple):
    """What `iae/<name>/iae.lock` pins: digests of the sources and of the built image."""

    recipe: Sha256
    image: Sha256
    config: Sha256
    reproducible: bool


class Hardware(NamedTuple):
    """One entry of the resource bank; memory in bytes, prices in US dollars per hour.

    `launch` is how AWS starts it, and None elsewhere.
    """

    id: str
    provider: str
    vcpus: int
    memory: int
    gpus: int
    price_standard: float
    price_save: float | None
    source: str
    date: str
    launch: Launch | None = None


class User(NamedTuple):
    """A person: `registry/users/<login>.yaml`; `forge_id` is numeric and never reused.

    `keys` are public keys of age or SSH, for which access is sealed.
    """

    login: str
    forge_id: int
    name: str
    budget_usd: float
    groups: tuple[str, ...]
    keys: tuple[str, ...] = ()


class Group(NamedTuple):
    """Who pays together: `registry/groups/<name>.yaml`; no blueprints listed means all open ones."""

    name: str
    title: str
    budget_usd: float
    members: tuple[str, ...]
    blueprints: tuple[str, ...]


class Policy(NamedTuple):
    """Who decides about the platform, where it lives, runs and signs: `registry/policy.yaml`.

    `trust_roots` are names of roots that verify what this platform signs; the first one is that of
    the instance which signs now. Empty, or an executor or a forge that is None: nothing was chosen.
    """

    maintainers: tuple[str, ...]
    executor: ExecutorKind | None = None
    trust_roots: tuple[str, ...] = ()
    forge: ForgeKind | None = None


class Dataset(NamedTuple):
    """One input of a job; its identity is the digest, `uri` only says where to find the bytes."""

    uri: str
    sha256: Sha256
    size: int

    @property
    def name(self) -> str:
        """Return the file name under which a run sees the dataset."""
        return self.uri.partition(":")[2].rstrip("/").rpartition("/")[2]


class Job(NamedTuple):
    """A job manifest: `registry/jobs/<login>/<yyyy-mm>/<job>.yaml`; `max_runtime` is seconds per run.

    `blueprint` and `version` are the two halves of `name@version`; version may be a commit id. Unless
    the user wants to `keep_inputs`, the store forgets them when the job has succeeded.
    """

    name: str
    user: str
    month: str
    group: str | None
    blueprint: str
    version: str
    datasets: tuple[Dataset, ...]
    parameters: Mapping[str, Any]
    pricing: Pricing
    hardware: Mapping[str, str]
    max_runtime: int | None
    retry_of: str | None
    cancelled: str | None
    keep_inputs: bool = True

    @property
    def id(self) -> str:
        """Return `<login>/<yyyy-mm>/<job>`, unique in the registry."""
        return f"{self.user}/{self.month}/{self.name}"
