#!/usr/bin/env python3
"""Write docs/analyses/<blueprint>.md from the blueprint, its environments and their words.

python scripts/document_analyses.py           (with --check: only compare, exit 1 when one is stale)

What people have to write lies in README.md of the environment of the last step. Marks in it say where
the generated parts go, each once:

<!-- cost: fit 12 s, join 3 s -->    hardware, prices, and (optional) the sample's measured seconds by step
<!-- parameters -->  <!-- outputs -->  <!-- accuracy -->  <!-- references -->
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurocaas_ci.model.blueprint import Blueprint, Step
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.model.money import Microdollars, bound, microdollars
from neurocaas_ci.model.registry import Dataset, Hardware, Job
from neurocaas_ci.protocols import expand
from neurocaas_ci.registry import Registry
from neurocaas_ci.registry.folder import FolderTree

_ROOT = Path(__file__).resolve().parent.parent
_MARK = re.compile(
    r"^<!-- (cost|parameters|outputs|accuracy|references)(?:: ([^>]*?))? -->$", re.MULTILINE
)
_MARKS = ("cost", "parameters", "outputs", "accuracy", "references")
_MEASURED = re.compile(r"([a-z0-9-]+) ([0-9]+) s")
_HOUR = 3600


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=Path, default=_ROOT)
    options = parser.parse_args(arguments)
    stale = []
    for path, text in pages(options.root):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(options.root))
        if not options.check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {name}\n")
    return 1 if options.check and stale else 0


def pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the page of every blueprint whose last environment has words, and its text.

    Raise SystemExit for words that lack a mark.
    """
    registry = Registry(FolderTree(root))
    for name in registry.blueprints():
        blueprint = registry.blueprint(name).value
        if blueprint is None:
            sys.exit(f"registry/blueprints/{name}.yaml is not valid")
        words = root / "iae" / blueprint.steps[-1].iae / "README.md"
        if words.exists():
            text = _page(root, registry, blueprint, words)
            yield root / "docs" / "analyses" / f"{name}.md", text


def _page(root: Path, registry: Registry, blueprint: Blueprint, words: Path) -> str:
    text = words.read_text(encoding="utf-8")
    found = [match[1] for match in _MARK.finditer(text)]
    if sorted(found) != sorted(_MARKS):
        sys.exit(f"{words}: it needs each of these marks once: {', '.join(_MARKS)}; it has {found}")

    def part(match: re.Match[str]) -> str:
        if match[1] == "cost":
            measured = {step: int(s) for step, s in _MEASURED.findall(match[2] or "")}
            return _cost(registry, blueprint, measured)
        if match[1] == "accuracy":
            return _accuracy(root, blueprint)
        simple = {"parameters": _parameters, "outputs": _outputs, "references": _references}
        return simple[match[1]](blueprint)

    filled = _MARK.sub(part, text).replace("](../../docs/", "](../")
    source = f"registry/blueprints/{blueprint.name}.yaml and {words.relative_to(root).as_posix()}"
    note = f"<!-- Written by scripts/document_analyses.py from {source}; a test compares. -->"
    return f"# {blueprint.title}\n\n{note}\n\n{_glance(blueprint)}\n\n{filled.strip()}\n"


def _glance(blueprint: Blueprint) -> str:
    whose = {
        "upstream": "the program of the method's authors",
        "from-paper": "written for this registry from the publications",
        None: "written for this registry",
    }[blueprint.implementation]
    accepted = ", ".join(f"`{suffix}`" for suffix in blueprint.datasets.suffixes) or "any file"
    steps = " → ".join(f"`{step.id}`" for step in blueprint.steps)
    return "\n".join(
        [
            f"> **`{blueprint.name}` {blueprint.version}** · {blueprint.subfield} · {blueprint.license}",
            ">",
            f"> {blueprint.summary.strip()}",
            ">",
            (
                f"> Protocol `{blueprint.protocol}`: {steps}. Datasets: {accepted}, at most "
                f"{_size(blueprint.datasets.max_size)}. Implementation: {whose}."
            ),
        ]
    )


def _parameters(blueprint: Blueprint) -> str:
    lines = ["| parameter | default | accepted | what |", "|---|---|---|---|"]
    required = blueprint.parameters.get("required", ())
    for name, rule in blueprint.parameters.get("properties", {}).items():
        default = "required" if name in required else _value(rule.get("default"), "none")
        lines.append(
            f"| `{name}` | {default} | {_accepted(rule)} | {_cell(rule.get('description', ''))} |"
        )
    return "\n".join(lines)


def _accepted(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return ", ".join(_value(choice, "null") for choice in rule["enum"])
    kinds = rule.get("type", "anything")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if kinds == ["object"]:
        inner = rule.get("properties", {})
        names = {k: list(v.get("properties", {})) for k, v in inner.items()}
        return "; ".join(f"`{k}`: {', '.join(f'`{n}`' for n in v)}" for k, v in names.items())
    low, high = rule.get("minimum"), rule.get("maximum")
    words = {
        "integer": "whole number",
        "boolean": "true or false",
        "array": "list",
        "string": "text",
    }
    text = " or ".join(words.get(kind, kind) for kind in kinds)
    if low is not None and high is not None:
        return f"{text}, {low} to {high}"
    return text


def _outputs(blueprint: Blueprint) -> str:
    lines = ["| file | a replay compares |", "|---|---|"]
    kinds = {
        "exact": "byte for byte",
        "canonical": "what it means",
        "ignore": "nothing: pictures are to be looked at",
    }
    for rule in blueprint.outputs:
        how = kinds.get(rule.compare["kind"])
        if how is None:
            norm, rtol = rule.compare.get("norm", "l2"), rule.compare.get("rtol", 0)
            how = f"{rule.compare['kind']}s, to {rtol:g} of the original ({norm} norm)"
        lines.append(f"| `{rule.path}`{'' if rule.required else ' (optional)'} | {how} |")
    return "\n".join(lines)


def _accuracy(root: Path, blueprint: Blueprint) -> str:
    lines = ["| bar on the sample | step | |", "|---|---|---|"]
    for step in blueprint.steps:
        path = root / "iae" / step.iae / "sample" / "expected.json"
        if path.exists():
            bars = json.loads(path.read_text(encoding="utf-8"))
            lines += [f"| {name} | `{step.id}` | {bar} |" for name, bar in _bars(bars, ())]
    return "\n".join(lines)


def _bars(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _bars(inner, (*at, key))
        return
    words, sign = " ".join(at).replace("_", " "), ""
    for ending, symbol in (("minimum", "≥ "), ("maximum", "≤ ")):
        if words.endswith(ending):
            words, sign = words.removesuffix(ending).rstrip(), symbol
    text = ", ".join(map(str, value)) if isinstance(value, list) else _value(value, "").strip("`")
    yield words, sign + text


def _cost(registry: Registry, blueprint: Blueprint, measured: Mapping[str, int]) -> str:
    """Return prices by step and machine; what costs nothing is said to be free."""
    unknown = sorted(set(measured) - {step.id for step in blueprint.steps})
    if unknown:
        sys.exit(f"{blueprint.name}: seconds were measured of {unknown[0]}, which is no step")
    runs = expand(blueprint, _job(blueprint))
    lines = [
        "| step | environment | runs | hardware | USD an hour | the sample | a dataset, at most |",
        "|---|---|---|---|---|---|---|",
    ]
    for step in blueprint.steps:
        count = sum(run.step == step.id for run in runs)
        for machine in step.hardware_allowed:
            hardware = registry.hardware(machine).value
            if hardware is None:
                sys.exit(f"registry/hardware/{machine}.yaml is not valid")
            lines.append(_machine(step, hardware, count, measured.get(step.id)))
    prices = "Prices are those of `registry/hardware/`, standard pricing."
    least = "The most that a dataset can cost is all its runs at `max_runtime`; a job may set a lower one."
    seconds = "The sample is reckoned from its measured processor seconds" if measured else ""
    how = f" {seconds}, as if on one processor." if seconds else ""
    return "\n".join(
        [*lines, "", f"{prices} {least}{how} **Bold**: what a job gets unless it says otherwise."]
    )


def _machine(step: Step, hardware: Hardware, runs: int, seconds: int | None) -> str:
    price = microdollars(hardware.price_standard)
    name = f"{hardware.id} ({hardware.vcpus} vCPUs)"
    name = f"**{name}**" if hardware.id == step.hardware else name
    sample = "" if seconds is None else _usd(bound(price, seconds, runs))
    if seconds is not None:
        sample = f"{seconds} s, {sample}"
    most = _usd(bound(price, step.max_runtime, runs))
    hours = step.max_runtime / _HOUR
    return (
        f"| `{step.id}` | `{step.iae}` | {runs} | {name} | {hardware.price_standard:g} | {sample} | "
        f"{most} ({runs} times {hours:g} h) |"
    )


def _job(blueprint: Blueprint) -> Job:
    """Return a job on one dataset that leaves everything else to the blueprint."""
    return Job(
        name="one", user="one", month="2026-01", group=None, blueprint=blueprint.name,
        version=blueprint.version, datasets=(Dataset("store:one", Sha256("0" * 64), 1),),
        parameters={}, pricing="standard", hardware={}, max_runtime=None, retry_of=None,
        cancelled=None,
    )  # fmt: skip


def _references(blueprint: Blueprint) -> str:
    return "\n".join(
        f"* [{ref.citation}]({ref.url})" if ref.url else f"* {ref.citation}"
        for ref in blueprint.references
    )


def _usd(value: Microdollars) -> str:
    if not value:
        return "free"
    return f"${value / 1e6:.4f}" if value < 10_000 else f"${value / 1e6:.2f}"  # noqa: PLR2004


def _size(size: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if size >= factor:
            return f"{size / factor:g} {unit}"
    return f"{size} bytes"


def _value(value: Any, nothing: str) -> str:
    if value is None:
        return nothing
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`" if isinstance(value, str) else f"{value}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
