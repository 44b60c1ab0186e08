"""Law: a certificate with anything anywhere becomes a fact that can be shown, or is refused."""

import copy
import json
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit/audit"))
from usage_jobs import make_certificate

from neurocaas_ci.audit.certificate import NotACertificateError, read_certificate
from neurocaas_ci.audit.usage import finished_job, summarise
from neurocaas_ci.model.usage import UsageScope
from neurocaas_ci.report.usage import as_json, as_text

STATEMENT = json.loads(make_certificate(datasets=2, seconds=(1.0, 2.0)))
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**99), 10**99) | st.floats()
    | st.text() | st.sampled_from(["\x1b[2J", "a/2026-01/b", "x@1", "\ud800", "-0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def _places(value, path=()):
    yield path
    if isinstance(value, (dict, list)):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(child, (*path, key))


PLACES = [path for path in _places(STATEMENT) if path]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_it_is_shown_or_refused(changes):
    statement = copy.deepcopy(STATEMENT)
    for path, value in changes:
        here = statement
        try:
            for key in path[:-1]:
                here = here[key]
            here[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    try:
        job = finished_job(read_certificate(json.dumps(statement).encode()))
    except NotACertificateError:
        return
    report = summarise([job, job], {job.user: job.month})
    scope = UsageScope("1" * 40)
    text = as_text(report, scope)
    assert all(line.isprintable() and len(line) < 300 for line in text.split("\n"))
    assert json.loads(as_json(report, scope))["total"]["jobs"] == 2
