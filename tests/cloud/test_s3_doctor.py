"""The doctor's look at a store on S3."""

from __future__ import annotations

import pytest
from proxy import Harm

from neurocaas_ci.doctor import storage
from neurocaas_ci.doctor.check import examine
from neurocaas_ci.run.home import Home


def look(tmp_path, store):
    found = [d for d in examine(storage.checks(Home(tmp_path, store=store))) if d.check == "store"]
    assert len(found) == 1
    return found[0]


def test_a_store_that_works(aws, bucket, tmp_path):
    found = look(tmp_path, f"s3://{bucket}/lab")
    assert found.state == "ok", found.message
    keys = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [o["Key"].split("/")[1] for o in keys] == ["locks"]


def test_a_bucket_that_is_not_there(aws, tmp_path):
    found = look(tmp_path, "s3://no-such-bucket/lab")
    assert found.state == "fail"
    assert "does not exist" in found.message


@pytest.mark.parametrize("header", ["If-None-Match"])
def test_a_server_that_ignores_conditions(proxy, bucket, tmp_path, header):
    proxy.harms.append(Harm(lambda m, p: m == "PUT", strip=header))
    found = look(tmp_path, f"s3://{bucket}/lab")
    assert found.state == "fail"
    assert "two at once" in found.message
