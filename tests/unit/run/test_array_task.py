"""A task of an array finds its spec by its number."""

from __future__ import annotations

import pytest

from neurocaas_ci.errors import UsageError
from neurocaas_ci.run.array_task import of_task


@pytest.mark.parametrize(
    ("spec", "environment", "expected"),
    [
        ("/s/%a.json", {"SLURM_ARRAY_TASK_ID": "7"}, "/s/7.json"),
        ("s3://b/k/%a.json", {"AWS_BATCH_JOB_ARRAY_INDEX": "0"}, "s3://b/k/0.json"),
        ("%a.json", {"SLURM_ARRAY_TASK_ID": "12"}, "12.json"),
        ("/s/one.json", {}, "/s/one.json"),
        ("/100%a/one.json", {}, "/100%a/one.json"),
    ],
)
def test_the_number_of_the_task_stands_in_the_name(spec, environment, expected):
    assert of_task(spec, environment) == expected


@pytest.mark.parametrize("number", [None, "", "-1", "x", "\u0663"])
def test_without_a_number_it_says_who_sets_it(number):
    environment = {} if number is None else {"SLURM_ARRAY_TASK_ID": number}
    with pytest.raises(UsageError, match="there is none") as error:
        of_task("/s/%a.json", environment)
    assert "AWS_BATCH_JOB_ARRAY_INDEX" in error.value.hint
