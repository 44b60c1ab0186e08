"""Compare one output file of a replay with the original, as the blueprint declared it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurocaas_ci.audit.compare import canonical, numeric, raw
from neurocaas_ci.audit.compare.content import (
    Budget,
    Content,
    Context,
    Limits,
    first_difference,
    opened,
)
from neurocaas_ci.audit.compare.result import (
    Part,
    Verdict,
    bounded,
    different,
    plain,
    plural,
)
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError
from neurocaas_ci.model.replay import Comparison

_SUMMARY = 400
_TABLES = (".csv", ".tsv", ".tab")


def compare_files(
    rule: Mapping[str, Any],
    expected: Path,
    actual: Path,
    name: str,
    *,
    limits: Limits | None = None,
) -> Comparison:
    """Compare a file of a replay with the original by a `compare` entry that the schema accepts.

    `name` is the path below /outputs, whose suffix tells a .tsv from a .csv. Equal bytes are
    `identical` under every kind but `ignore`, which reads nothing. An original that is not what the
    rule needs makes the comparison `impossible`, such a replay is `different`. Nothing that the
    files hold raises an error.
    """
    kind = rule["kind"]
    if kind == "ignore":
        return Comparison("ignored", kind, "is not compared", (), {})
    limits = limits or Limits()
    context = Context(limits, Budget(limits.unpacked))
    try:
        with opened(expected, "original", name) as one, opened(actual, "replay", name) as other:
            if one.size == other.size and first_difference(one, other) is None:
                size = plural(one.size, "byte")
                return Comparison("identical", kind, f"{size}, all equal", (), {"size": one.size})
            part = _KINDS[kind](one, other, context, rule)
    except UnreadableError as error:
        verdict: Verdict = "impossible" if error.side == "original" else "different"
        return Comparison(verdict, kind, plain(str(error), _SUMMARY), (), {})
    except ImpossibleError as error:
        return Comparison("impossible", kind, plain(str(error), _SUMMARY), (), {})
    except OSError as error:
        said = f"cannot be read here: {error.strerror or error}"
        return Comparison("impossible", kind, said, (), {})
    lines = bounded(plain(line) for line in part.details)
    return Comparison(part.verdict, kind, plain(part.summary, _SUMMARY), lines, part.facts)


def _exact(expected: Content, actual: Content, context: Context, _: Mapping[str, Any]) -> Part:
    """Tell as much about the difference as the format allows; the verdict is already clear."""
    as_bytes = raw.compare(expected, actual)
    is_table = expected.name.lower().endswith(_TABLES)
    try:
        if is_table:
            part = numeric.compare_tables(expected, actual, context, {})
        else:
            part = canonical.compare(expected, actual, context)
    except (UnreadableError, ImpossibleError):
        return as_bytes
    if part.verdict == "impossible" or part.facts.get("format") == "bytes":
        return as_bytes
    if part.verdict == "equivalent":
        summary = f"{as_bytes.summary}; the values are the same, they are only written differently"
        return replace(as_bytes, summary=summary)
    more = as_bytes.details if is_table else ()
    return different(part.summary, *part.details, *more, **part.facts)


def _canonical(
    expected: Content, actual: Content, context: Context, rule: Mapping[str, Any]
) -> Part:
    return canonical.compare(expected, actual, context, rule.get("format"))


_KINDS: Mapping[str, Callable[[Content, Content, Context, Mapping[str, Any]], Part]] = {
    "exact": _exact,
    "canonical": _canonical,
    "array": numeric.compare_arrays,
    "table": numeric.compare_tables,
}
