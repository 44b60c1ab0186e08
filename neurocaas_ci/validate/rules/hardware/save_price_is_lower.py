"""NC-H001: the save price is not above the standard one; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterator

from neurocaas_ci.model.finding import Finding
from neurocaas_ci.validate.context import Context
from neurocaas_ci.validate.rule import Rule


class SavePriceIsLower(Rule):
    """The `save` price of hardware is not above its `standard` price.

    Whoever writes `pricing: save` accepts interruptions for a lower price. A higher one is two
    numbers swapped, and every reservation made from them is wrong.

    Fix: correct the two prices, or leave `save` out.
    """

    id = "NC-H001"

    def check(self, context: Context) -> Iterator[Finding]:
        """Yield one finding per hardware type whose save price is the higher one."""
        for hardware in context.hardware():
            value = hardware.value
            if value.price_save is not None and value.price_save > value.price_standard:
                yield self.finding(
                    hardware.document.locate(["price_usd_per_hour", "save"]),
                    f"`save` costs {value.price_save:g} USD per hour, more than `standard` "
                    f"({value.price_standard:g} USD)",
                    "correct the prices, or remove `save`",
                )
