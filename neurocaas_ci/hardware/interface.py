"""The port to whoever knows prices, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from neurocaas_ci.errors import UsageError

Answer = Mapping[str, Any]


class MarketClosedError(UsageError):
    """AWS tells these credentials nothing, whatever the type (exit 2)."""


class Market(Protocol):
    """What AWS tells about machines and prices of one region, as its APIs say it."""

    def products(self, service: str, filters: Mapping[str, str]) -> Sequence[Answer]:
        """Return the rows of the price list of a service whose attributes are exactly these."""
        ...

    def spot_history(self, name: str, start: datetime, end: datetime) -> Sequence[Answer]:
        """Return the spot prices of an instance type (Linux) that held in a time, zone by zone."""
        ...

    def machine(self, name: str) -> Answer:
        """Return the description of an instance type; raise UsageError when there is none."""
        ...
