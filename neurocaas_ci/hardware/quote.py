"""Everything that AWS says today about one hardware type; it is asked through the port."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from neurocaas_ci.errors import NeurocaasError
from neurocaas_ci.hardware.answers import canonical, microdollars_up
from neurocaas_ci.hardware.interface import Market, MarketClosedError
from neurocaas_ci.hardware.machine import Machine, instance, task
from neurocaas_ci.hardware.offers import (
    EC2,
    ECS,
    fargate_filters,
    fargate_rates,
    fargate_rows,
    instance_filters,
    instance_rate,
)
from neurocaas_ci.hardware.spot import DAYS, Zone, save_price, zones
from neurocaas_ci.model.fargate import GIB, parse_name
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.registry import Hardware


class Quote(NamedTuple):
    """A machine with its prices per hour; `answers` are the bytes that all of it was read from."""

    machine: Machine
    standard: Microdollars
    save: Microdollars | None
    zones: tuple[Zone, ...]
    source: str
    answers: bytes


def ask(market: Market, region: str, name: str, known: Hardware | None, now: datetime) -> Quote:
    """Return the quote of a hardware type; `known` is its file, when there is one.

    Raise UsageError when AWS has no such type, AnswerError when it answers no price.
    """
    try:
        if _is_task(name, known):
            return _task(market, region, name, known)
        return _instance(market, region, name, now)
    except MarketClosedError:
        raise
    except NeurocaasError as error:
        error.where = name
        raise


def _is_task(name: str, known: Hardware | None) -> bool:
    return known.launch == "fargate" if known is not None else parse_name(name) is not None


def _instance(market: Market, region: str, name: str, now: datetime) -> Quote:
    description = market.machine(name)
    machine = instance(description, name)
    rows = market.products(EC2, instance_filters(region, name))
    standard = microdollars_up(instance_rate(rows, region, name).usd)
    start = now - timedelta(days=DAYS)
    history = market.spot_history(name, start, now)
    found = zones(history, start, now)
    save = save_price(found, standard)
    source = (
        f"AWS price list (AmazonEC2 GetProducts), {region}, on demand, Linux, shared tenancy, "
        "no software"
    )
    if save is not None:
        source += f"; save: highest zone's 95th percentile of {DAYS} days of EC2 spot history"
    answers: dict[str, Any] = {"machine": description, "products": rows, "spot": history}
    return Quote(machine, standard, save, found, source, canonical(answers))


def _task(market: Market, region: str, name: str, known: Hardware | None) -> Quote:
    machine = task(name, (known.vcpus, known.memory) if known else None)
    rows = fargate_rows(market.products(ECS, fargate_filters(region)), region)
    cpu, memory = fargate_rates(*rows)
    # Per GiB; a task has whole ones.
    standard = microdollars_up(cpu.usd * machine.vcpus + memory.usd * (machine.memory // GIB))
    source = (
        f"AWS price list (AmazonECS GetProducts), {region}, Fargate Linux x86-64: vCPU hours and "
        "GB hours of the size added up"
    )
    return Quote(machine, standard, None, (), source, canonical({"products": [*rows[0], *rows[1]]}))
