"""What the platform's resources in the cloud are called, and how they are tagged; no I/O here.

Executors and stores find everything by these names; nothing has to be looked up.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from neurocaas_ci.model.registry import Pricing

PREFIX = "neurocaas"
FOUNDATION = "neurocaas-foundation"
REGISTRY = "neurocaas-registry"

IAM_PATH = "/neurocaas/"
EXECUTION_ROLE = f"{PREFIX}-execution"
"""The role with which AWS itself starts tasks: it pulls their image and writes their log."""
JOB_ROLES = f"{PREFIX}-job-"
"""What the names of the roles of jobs begin with; a digest follows."""
JOB_ROLE_OF = "Workers of the job "
"""What the descriptions of these roles begin with; the id of the job follows."""
TAG = "neurocaas"
"""The tag of everything that we create in the cloud; its value says what part it is."""
GROUP_TAG = "neurocaas-group"

ACCESS_HOURS = 12
"""The longest that a session of a user can last; AWS allows a role no more."""

_MOST_ROLE = 64
_DIGITS = 10


def queue_name(hardware: str, pricing: Pricing) -> str:
    """Return the job queue of a hardware type; dots are not allowed in the names of Batch."""
    return f"{PREFIX}-{hardware.replace('.', '-')}-{pricing}"


def role_name(group: str) -> str:
    """Return the role of a group's jobs; IAM takes 64 characters, so long names end in a hash."""
    return _bounded(f"{PREFIX}-group-{group}", group)


def access_role_name(group: str) -> str:
    """Return the role that the users of a group take on."""
    return _bounded(f"{PREFIX}-access-{group}", group)


def _bounded(name: str, group: str) -> str:
    if len(name) <= _MOST_ROLE:
        return name
    return f"{name[: _MOST_ROLE - _DIGITS - 1]}-{digest(group)}"


def group_prefix(group: str) -> str:
    """Return the only part of the bucket that the jobs of a group reach."""
    return f"groups/{group}/"


def log_group(group: str) -> str:
    """Return where the logs of a group's jobs are while they run."""
    return f"/{PREFIX}/groups/{group}"


def budget_name(group: str) -> str:
    """Return the budget with the alarms of a group."""
    return f"{PREFIX}-{group}"


def export(name: str) -> str:
    """Return under which name the foundation exports a value to the registry stack."""
    return f"{FOUNDATION}-{name}"


def digest(content: Any) -> str:
    """Return ten digits that stand for the content of a resource in its name."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def logical_id(*words: str) -> str:
    """Return a logical id: letters and digits only, and different for different words."""
    plain = "".join(part.capitalize() for word in words for part in _alphanumeric(word).split())
    return f"{plain[:200]}{digest(words)[:6]}"


def _alphanumeric(word: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else " " for c in word)
