"""Consumable resources of AWS Batch, which moto does not have: so many jobs may hold one at once.

https://docs.aws.amazon.com/batch/latest/userguide/resource-aware-scheduling.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.batch import urls
from moto.batch.exceptions import ClientException
from moto.batch.responses import BatchResponse

_ARN = "arn:aws:batch:us-east-1:123456789012:consumable-resource/"
_PATHS = ("createconsumableresource", "deleteconsumableresource", "describeconsumableresource")


class Consumables:
    """Resources by name, and what jobs, by the name under which they were submitted, ask for."""

    def __init__(self) -> None:
        self.total: dict[str, int] = {}
        self.taken: dict[str, int] = {}
        self.peak: dict[str, int] = {}
        self.wanted: dict[str, str] = {}

    def take(self, job: str) -> bool:
        """Take what a job asks for, if it is free; the caller holds the engine's lock."""
        name = self.wanted.get(job)
        if name is None:
            return True
        if self.taken.get(name, 0) >= self.total.get(name, 0):
            return False
        self.taken[name] = self.taken.get(name, 0) + 1
        self.peak[name] = max(self.peak.get(name, 0), self.taken[name])
        return True

    def give(self, job: str) -> None:
        """Give it back."""
        if (name := self.wanted.get(job)) is not None:
            self.taken[name] -= 1


@contextmanager
def installed(known: Consumables) -> Iterator[None]:  # noqa: C901 - one call after the other
    """Let moto answer the calls about consumable resources, and hear what jobs ask for."""
    submit = BatchResponse.submitjob

    def plain(given: str) -> str:
        return given.rpartition("/")[2]

    def create(self: Any) -> str:
        name = self._get_param("consumableResourceName")
        if name in known.total:
            raise ClientException(f"Consumable resource {name} already exists")
        known.total[name] = int(self._get_param("totalQuantity"))
        return json.dumps({"consumableResourceName": name, "consumableResourceArn": _ARN + name})

    def delete(self: Any) -> str:
        if known.total.pop(plain(self._get_param("consumableResource")), None) is None:
            raise ClientException("Consumable resource does not exist")
        return "{}"

    def describe(self: Any) -> str:
        name = plain(self._get_param("consumableResource"))
        if name not in known.total:
            raise ClientException(f"Consumable resource {name} does not exist")
        found = {"totalQuantity": known.total[name], "inUseQuantity": known.taken.get(name, 0)}
        arn = _ARN + name
        return json.dumps({"consumableResourceName": name, "consumableResourceArn": arn, **found})

    def submitted(self: Any) -> str:
        asked = (self._get_param("consumableResourcePropertiesOverride") or {}).get(
            "consumableResourceList", []
        )
        for one in asked:
            name = plain(one["consumableResource"])
            if name not in known.total:
                raise ClientException(f"Consumable resource {name} does not exist")
            known.wanted[self._get_param("jobName")] = name
        return str(submit(self))

    for path, method in zip(_PATHS, (create, delete, describe), strict=True):
        setattr(BatchResponse, path, method)
    BatchResponse.submitjob = submitted  # type: ignore[method-assign]
    try:
        yield
    finally:
        BatchResponse.submitjob = submit  # type: ignore[method-assign]
        _forget()


def _nothing(_response: Any) -> str:
    raise ClientException("Consumable resource does not exist")


def _forget() -> None:
    """Let an account that nobody has taught about them have none."""
    for path in _PATHS:
        setattr(BatchResponse, path, _nothing)


# Before a server is made, which reads them once.
urls.url_paths.update({f"{{0}}/v1/{path}$": BatchResponse.dispatch for path in _PATHS})
_forget()
