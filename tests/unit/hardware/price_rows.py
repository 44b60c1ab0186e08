"""Rows of the AWS price list, in the shape of the documented answer of GetProducts.

The sample is that of the API reference (API_pricing_GetProducts, "Examples"), which botocore carries
as `data/pricing/2017-10-15/examples-1.json`: a row is JSON inside of JSON. Rows of instances have the
attributes that "AWS Price List" documents for AmazonEC2; what nobody asks for is left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import botocore

_EXAMPLES = Path(botocore.__file__).parent / "data/pricing/2017-10-15/examples-1.json"


def documented():
    """Return the row of the documented example: a volume, sold per GB and month."""
    examples = json.loads(_EXAMPLES.read_text())["examples"]["GetProducts"]
    return json.loads(examples[0]["output"]["PriceList"][0])


def row(sku, usd, unit="Hrs", currency="USD", **attributes):
    """Return the documented row with another product and price."""
    made = documented()
    made["product"]["attributes"] = attributes
    made["product"]["sku"] = sku
    (term,) = made["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    dimension |= {"unit": unit, "pricePerUnit": {currency: usd}, "rateCode": f"{sku}.T.D"}
    term |= {"sku": sku, "priceDimensions": {f"{sku}.T.D": dimension}}
    made["terms"]["OnDemand"] = {f"{sku}.T": term}
    return made


def instance_row(name, usd, sku="", region="us-east-1", **attributes):
    return row(
        sku or f"SKU{name.upper()}",
        usd,
        **{
            "instanceType": name,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
            "marketoption": "OnDemand",
            "licenseModel": "No License required",
            "regionCode": region,
            "usagetype": f"BoxUsage:{name}",
            "operation": "RunInstances",
            **attributes,
        },
    )


def fargate_rows(cpu="0.0404800000", memory="0.0044450000", region="us-east-1"):
    """Return the two rows that count, and others of the same service that do not."""
    shown = {"regionCode": region, "servicecode": "AmazonECS", "tenancy": "Shared"}
    return [
        row("ARM", "0.0323800000", "hours", **shown, usagetype="USE1-Fargate-ARM-vCPU-Hours:perCPU"),
        row("CPU", cpu, "hours", **shown, usagetype="USE1-Fargate-vCPU-Hours:perCPU"),
        row("WIN", "0.0914800000", "hours", **shown, usagetype="USE1-Fargate-Windows-vCPU-Hours:perCPU"),
        row("MEM", memory, "hours", **shown, usagetype="USE1-Fargate-GB-Hours"),
        row("DISK", "0.0001110000", "hours", **shown, usagetype="USE1-Fargate-EphemeralStorage-GB-Hours"),
        row("SPOT", "0.0127000000", "hours", **shown, usagetype="USE1-SpotUsage:Fargate-vCPU-Hours:perCPU"),
    ]  # fmt: skip
