"""A quote and a file become the file as it should be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.hardware.machine import Machine
from neurocaas_ci.hardware.quote import Quote
from neurocaas_ci.hardware.revise import refuse_absurd, revise
from neurocaas_ci.hardware.spot import Zone
from neurocaas_ci.hardware.words import as_text, message
from neurocaas_ci.model.money import microdollars
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.single import OneFile

TODAY = date(2026, 11, 29)
PATH = "registry/hardware/m5.large.yaml"
FILE = """\
schema: neurocaas/hardware/v1
id: m5.large
provider: aws   # ours
vcpus: 2
memory: 8192MiB
price_usd_per_hour: {standard: 0.096}
source: AWS
date: "2026-11-20"
"""


def _quote(standard=0.096, save=None, vcpus=2, memory=8 << 30, zones=()):
    machine = Machine("m5.large", "ec2", vcpus, memory, 0)
    spot = None if save is None else microdollars(save)
    return Quote(machine, microdollars(standard), spot, zones, "AWS", b"{}\n")


def _load(text):
    loaded = Registry(OneFile(PATH, text.encode())).hardware("m5.large")
    assert loaded.value is not None, loaded.findings
    return loaded.value


def _revise(quote, text=FILE):
    return revise(quote, _load(text), text, TODAY, path=PATH)


def test_a_price_that_moved() -> None:
    revision = _revise(_quote(0.1, 0.03125))
    value = _load(revision.content)
    assert (value.price_standard, value.price_save, value.date) == (0.1, 0.03125, "2026-11-29")
    assert "provider: aws   # ours\nvcpus: 2\nmemory: 8192MiB\n" in revision.content
    assert as_text([revision]) == (
        "TYPE      PRICE     BEFORE    AFTER  CHANGE  NOTE\n"
        "m5.large  standard   0.096      0.1  +4.2 %\n"
        "m5.large  save           -  0.03125     new"
    )


def test_nothing_moved() -> None:
    assert _revise(_quote()).content is None
    old = FILE.replace("2026-11-20", "2026-10-20")
    confirmed = _revise(_quote(), old)
    assert 'date: "2026-11-29"' in confirmed.content
    assert "as before; looked up again" in as_text([confirmed])
    by_hand = _revise(_quote(), FILE.replace("source: AWS", "source: by hand"))
    assert by_hand.content is not None


def test_spot_that_is_gone() -> None:
    text = FILE.replace("0.096}", "0.096, save: 0.03}")
    revision = _revise(_quote(), text)
    assert _load(revision.content).price_save is None
    assert "gone" in as_text([revision])


def test_another_shape_is_said() -> None:
    revision = _revise(_quote(vcpus=4, memory=16 << 30))
    assert _load(revision.content).memory == 16 << 30
    assert "vcpus 2 -> 4; memory 8GiB -> 16GiB" in as_text([revision])


def test_a_new_file_is_valid() -> None:
    revision = revise(_quote(0.096, 0.03), None, None, TODAY, path=PATH)
    value = _load(revision.content)
    assert (value.price_standard, value.price_save, value.launch) == (0.096, 0.03, "ec2")
    assert "a new file" in as_text([revision])


@pytest.mark.parametrize("price", [0.97, 0.0095])
def test_what_no_market_does(price) -> None:
    with pytest.raises(UsageError, match="by more than a factor of 10"):
        refuse_absurd(_revise(_quote(price)))
    refuse_absurd(_revise(_quote(0.96)))


def test_a_price_that_was_nothing() -> None:
    free = _revise(_quote(), FILE.replace("0.096", "0"))
    with pytest.raises(UsageError, match=r"from 0 to 0\.096"):
        refuse_absurd(free)
    assert "from 0" in as_text([free])


def test_the_commit_keeps_the_spot_prices() -> None:
    zone = Zone("us-east-1a", Decimal("0.03"), Decimal("0.0312500"))
    revision = _revise(_quote(0.096, 0.0313, zones=(zone,)))
    text = message([revision], "us-east-1", TODAY)
    assert text.startswith("Prices of m5.large in us-east-1, 2026-11-29\n\nTYPE")
    assert "m5.large us-east-1a: 0.03, 0.03125\n" in text
