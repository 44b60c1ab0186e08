"""AWS as the market: its price list, spot history and instance types, by boto3."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from neurocaas_ci.errors import BackendUnavailableError, UsageError
from neurocaas_ci.hardware.answers import AnswerError, mapping
from neurocaas_ci.hardware.interface import Answer, MarketClosedError
from neurocaas_ci.hardware.spot import PRODUCTS

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# The price list knows all regions, and is served from three.
_PRICING_REGION = "us-east-1"
_MOST_ROWS = 10_000
_SECONDS = 30
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_EXPIRED = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "AuthFailure",
    "UnrecognizedClientException", "InvalidSignatureException", "SignatureDoesNotMatch",
}  # fmt: skip
_SLOW = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}


class AwsMarket:
    """Prices and machines of one region; the credentials are those that boto3 finds."""

    def __init__(self, region: str) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise UsageError(
                "boto3, which asks AWS, is not installed here",
                hint="pip install 'neurocaas-ci[aws]'",
            ) from error
        config = Config(
            connect_timeout=_SECONDS,
            read_timeout=_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        with _translated("a client"):
            session = boto3.session.Session()
            if region not in session.get_available_regions("ec2"):
                known = ", ".join(session.get_available_regions("ec2")[:8])
                raise MarketClosedError(
                    f"there is no region {region!r}", hint=f"for example {known}"
                )
            self._ec2: EC2Client = session.client("ec2", region_name=region, config=config)
            self._pricing: Any = session.client(
                "pricing", region_name=_PRICING_REGION, config=config
            )
        self._products: dict[tuple[str, tuple[tuple[str, str], ...]], list[Answer]] = {}

    def products(self, service: str, filters: Mapping[str, str]) -> Sequence[Answer]:
        """Return the rows of the price list of a service whose attributes are exactly these."""
        key = (service, tuple(sorted(filters.items())))
        if key not in self._products:
            given = [{"Type": "TERM_MATCH", "Field": k, "Value": v} for k, v in key[1]]
            with _translated("pricing:GetProducts"):
                pages = self._pricing.get_paginator("get_products").paginate(
                    ServiceCode=service, Filters=given, FormatVersion="aws_v1"
                )
                rows = [_row(row) for page in pages for row in _bounded(page["PriceList"])]
            self._products[key] = rows
        return self._products[key]

    def spot_history(self, name: str, start: datetime, end: datetime) -> Sequence[Answer]:
        """Return the spot prices of an instance type (Linux) that held in a time, zone by zone."""
        with _translated("ec2:DescribeSpotPriceHistory"):
            pages = self._ec2.get_paginator("describe_spot_price_history").paginate(
                # The stubs list the types of their day.
                InstanceTypes=cast("Any", [name]),
                ProductDescriptions=list(PRODUCTS),
                StartTime=start,
                EndTime=end,
            )
            return [dict(row) for page in pages for row in _bounded(page["SpotPriceHistory"])]

    def machine(self, name: str) -> Answer:
        """Return the description of an instance type; raise UsageError when there is none."""
        with _translated("ec2:DescribeInstanceTypes"):
            answer = self._ec2.describe_instance_types(InstanceTypes=cast("Any", [name]))
        found = answer["InstanceTypes"]
        if len(found) != 1:
            raise _no_such_type()
        return dict(found[0])


def _row(row: object) -> Answer:
    """Return a row of the price list, which is JSON inside of JSON."""
    if isinstance(row, str):
        try:
            row = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise AnswerError(f"a row of the price list is no JSON: {error}") from error
    return mapping(row, "a row of the price list")


def _bounded(rows: Sequence[Any]) -> Sequence[Any]:
    if len(rows) > _MOST_ROWS:
        raise AnswerError(f"a page has more than {_MOST_ROWS} rows")
    return rows


def _no_such_type() -> UsageError:
    return UsageError(
        "AWS has no such instance type in this region",
        hint="retired types (p2, p3) are gone: remove the file once no blueprint allows it, "
        "and use g4dn, g5 or g6",
    )


@contextlib.contextmanager
def _translated(action: str) -> Iterator[None]:
    """Turn errors of boto3 into ours."""
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise MarketClosedError(
            "there are no credentials for AWS",
            hint="set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a role; "
            "reading prices needs pricing:GetProducts, ec2:DescribeSpotPriceHistory and "
            "ec2:DescribeInstanceTypes",
        ) from error
    except ClientError as error:
        raise _refused(action, error.response.get("Error", {})) from error
    except BotoCoreError as error:
        raise BackendUnavailableError(
            f"AWS cannot be asked ({action}): {error}", hint="try again when it can be reached"
        ) from error


def _refused(action: str, told: Mapping[str, Any]) -> UsageError | BackendUnavailableError:
    code, said = str(told.get("Code", "")), str(told.get("Message", ""))
    if code == "InvalidInstanceType":
        return _no_such_type()
    if code in _DENIED:
        return MarketClosedError(
            f"the credentials do not allow {action}", hint=f"ask for that permission ({said})"
        )
    if code in _EXPIRED:
        return MarketClosedError(
            f"AWS refuses the credentials ({code}): {said}", hint="sign in again"
        )
    if code in _SLOW:
        return BackendUnavailableError(f"AWS asks to be asked less often ({action})", hint="wait")
    return BackendUnavailableError(f"{action} failed ({code}): {said}", hint="try again")
