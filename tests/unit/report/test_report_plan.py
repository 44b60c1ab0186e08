"""A plan as text, Markdown and JSON: what people read, and what a stranger cannot make of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from jsonschema import Draft7Validator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plan"))

from plan_samples import EVERYTHING, HOSTILE, many_jobs, with_names

from neurocaas_ci import schemas
from neurocaas_ci.model.plan import Plan
from neurocaas_ci.report.plan_json import as_json
from neurocaas_ci.report.plan_markdown import MAX_BYTES, as_markdown
from neurocaas_ci.report.plan_text import as_text

EMPTY = Plan(None, None, None, (), ())


def test_an_empty_plan_says_so() -> None:
    assert as_text(EMPTY) == snapshot("""\
Plan: nothing to do.
Cost: at most 0.00 USD.
Approval: nobody has to approve it.
""")
    assert as_markdown(EMPTY) == snapshot("""\
* **Plan:** nothing to do.
* **Cost:** at most 0.00 USD.
* **Approval:** nobody has to approve it.
""")


def test_the_text_says_what_happens_what_it_costs_and_who_approves() -> None:
    assert as_text(EVERYTHING) == snapshot("""\
Plan: 1 environment to build, 2 resources to set, 2 blueprints to publish, 1 job to run, 1 job that no budget covers, 1 job to cancel, 2 things to remove.
Cost: at most 4.50 USD, expected 1.25 USD.
Approval: a maintainer of the platform (grace) for 1 file; an owner (ada or bob) for 1 file.

Environments
  build pmd: its sources changed
      recipe aaaaaaaaaaaa, image bbbbbbbbbbbb

Hardware, policy, groups and users
  update policy
      ~ /maintainers/0: "a" -> "b"
  create user zoe
      + /login: "zoe"

Blueprints
  publish new 0.1.0: it is new
  publish pmd 1.1.0, after 1.0.0
      + /limits/budget_usd: 20.0
      ~ /steps/0/max_runtime: 3600 -> 1800

Jobs
  run ada/2026-11/one: pmd@1.1.0, 3 runs, at most 4.50 USD
      fit: 3 runs on m5.large, each 1h30m at 1.00 USD per hour at most: 4.50 USD
      expected 1.25 USD, from 12 earlier runs
      user ada: 7.00 USD of 10.00 left before, 2.50 USD of 10.00 after
      blueprint pmd: no budget is set
  refuse ada/2026-11/two: pmd@1.1.0, 3 runs, may cost 4.50 USD
      not covered by the budget of user ada
      fit: 3 runs on m5.large, each 1h30m at 1.00 USD per hour at most: 4.50 USD
      user ada: 7.00 USD of 10.00 left before, 2.50 USD of 10.00 after
      blueprint pmd: no budget is set

Cancelled jobs
  cancel ada/2026-10/old: wrong data
      what it did not use of 9.00 USD is given back

Removed
  retire blueprint gone 2.0.0
  remove group old-lab

Changed files, and who may approve them
  owner: modified iae/pmd/workflow.py
      used by pmd [ada or bob]
  auto: added registry/jobs/ada/2026-11/one.yaml
      own job
  maintainer: renamed registry/policy.yaml (was old.yaml)
      policy [grace]
""")


def test_markdown_folds_what_is_long_and_quotes_all_names() -> None:
    assert as_markdown(EVERYTHING) == snapshot("""\
* **Plan:** 1 environment to build, 2 resources to set, 2 blueprints to publish, 1 job to run, 1 job that no budget covers, 1 job to cancel, 2 things to remove.
* **Cost:** at most 4.50 USD, expected 1.25 USD.
* **Approval:** a maintainer of the platform (`grace`) for 1 file; an owner (`ada` or `bob`) for 1 file.

### Environments

```text
build pmd: its sources changed
    recipe aaaaaaaaaaaa, image bbbbbbbbbbbb
```

### Hardware, policy, groups and users

```text
update policy
    ~ /maintainers/0: "a" -> "b"
create user zoe
    + /login: "zoe"
```

### Blueprints

```text
publish new 0.1.0: it is new
publish pmd 1.1.0, after 1.0.0
    + /limits/budget_usd: 20.0
    ~ /steps/0/max_runtime: 3600 -> 1800
```

### Jobs

```text
run ada/2026-11/one: pmd@1.1.0, 3 runs, at most 4.50 USD
    fit: 3 runs on m5.large, each 1h30m at 1.00 USD per hour at most: 4.50 USD
    expected 1.25 USD, from 12 earlier runs
    user ada: 7.00 USD of 10.00 left before, 2.50 USD of 10.00 after
    blueprint pmd: no budget is set
refuse ada/2026-11/two: pmd@1.1.0, 3 runs, may cost 4.50 USD
    not covered by the budget of user ada
    fit: 3 runs on m5.large, each 1h30m at 1.00 USD per hour at most: 4.50 USD
    user ada: 7.00 USD of 10.00 left before, 2.50 USD of 10.00 after
    blueprint pmd: no budget is set
```

### Cancelled jobs

```text
cancel ada/2026-10/old: wrong data
    what it did not use of 9.00 USD is given back
```

### Removed

```text
retire blueprint gone 2.0.0
remove group old-lab
```

### Changed files, and who may approve them

```text
owner: modified iae/pmd/workflow.py
    used by pmd [ada or bob]
auto: added registry/jobs/ada/2026-11/one.yaml
    own job
maintainer: renamed registry/policy.yaml (was old.yaml)
    policy [grace]
```
""")


def test_a_long_plan_is_cut_for_a_comment_and_says_so_twice() -> None:
    text = as_markdown(many_jobs(2_000))
    assert MAX_BYTES - 2_000 < len(text.encode()) <= MAX_BYTES
    first = text.split("\n\n")[:2]
    assert "2,000 jobs to run" in first[0]
    assert first[1].startswith("**Truncated:**")
    assert text.count("<details>") == text.count("</details>") == 2
    # Every part has its share.
    assert text.count("**Truncated:**") == 3
    whole = as_markdown(many_jobs(20))
    assert "Truncated" not in whole
    assert "ada/2026-11/job-00019" in whole


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_of_strangers_stays_in_code(text: str) -> None:
    result = as_markdown(with_names(text))
    outside = []
    fence = None
    for line in result.split("\n"):
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if fence is None and len(ticks) >= 3:
            fence = ticks
        elif fence is not None and line == fence:
            fence = None
        elif fence is None:
            outside.append(line)
    assert fence is None
    spans = "\n".join(outside).split("`")
    assert len(spans) % 2
    plain = "".join(spans[::2])
    for mark in ("@", "<img", "<script", "](", "http", "</summary></details>"):
        assert mark not in plain
    assert plain.count("<details>") == plain.count("</details>")
    assert all(c.isprintable() or c == "\n" for c in result)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_and_json_have_no_control_characters_of_strangers(text: str) -> None:
    plan = with_names(text)
    shown = as_text(plan)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert len(shown.splitlines()) == len(as_text(with_names("x")).splitlines())
    assert all(c.isprintable() or c == "\n" for c in as_json(plan))
    assert json.loads(as_json(plan))["actions"][0]["name"] == text


@pytest.mark.parametrize("plan", [EMPTY, EVERYTHING, many_jobs(3), with_names(HOSTILE[0])])
def test_json_is_what_the_published_schema_says(plan: Plan) -> None:
    schema = schemas.load("plan")
    Draft7Validator.check_schema(schema)
    document = json.loads(as_json(plan))
    assert list(Draft7Validator(schema).iter_errors(document)) == []
    for broken in (
        {**document, "extra": 1},
        {**document, "level": "none"},
        {**document, "schema": "x"},
    ):
        assert not Draft7Validator(schema).is_valid(broken)


def test_json_gives_amounts_in_dollars_and_values_as_they_are() -> None:
    document = json.loads(as_json(EVERYTHING))
    assert document["maximum_usd"] == 4.5
    assert document["expected_usd"] == 1.25
    assert document["level"] == "maintainer"
    by_kind = {action["action"]: action for action in document["actions"]}
    assert by_kind["publish"]["changes"] == [
        {"pointer": "/limits/budget_usd", "after": 20.0},
        {"pointer": "/steps/0/max_runtime", "before": 3600, "after": 1800},
    ]
    assert by_kind["run"]["short"] == [{"kind": "user", "name": "ada"}]
    assert not by_kind["run"]["admitted"]
