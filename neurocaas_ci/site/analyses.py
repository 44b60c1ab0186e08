"""The catalogue, and a page for each analysis; I/O is not handled here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from neurocaas_ci.model.blueprint import Blueprint, OutputRule, Step
from neurocaas_ci.model.money import bound, microdollars, show
from neurocaas_ci.model.registry import Hardware
from neurocaas_ci.model.units import format_duration, format_size
from neurocaas_ci.report.usage import counted
from neurocaas_ci.site.facts import Analysis, Site
from neurocaas_ci.site.frame import commit, facts, note, page, section, shell, table
from neurocaas_ci.site.markup import Content, Markup, el, join, outside

_STAGES = {
    "open": "open to every user",
    "invited": "open to the invited groups",
    "develop": "under development, open to its maintainers",
}
_IMPLEMENTATIONS = {
    "upstream": "the authors' own code",
    "from-paper": "written anew from the publication",
}
_SHOWN = 300
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def catalogue(site: Site) -> bytes:
    """Return the list of all analyses."""
    cards = [
        el(
            "li",
            el("h3", el("a", a.blueprint.title, href=analysis_path(a.blueprint.name))),
            el("small", f"{a.blueprint.name} {a.blueprint.version} · {a.blueprint.subfield}"),
            el("p", _cut(a.blueprint.summary)),
            el("p", stage(a.blueprint), f" {counted(a.jobs, 'job')}"),
        )
        for a in site.analyses
    ]
    nothing = el("p", "No analysis has been published yet.", class_="soft")
    return page(
        site, "analyses.html", "Analyses", el("ul", cards, class_="cards") if cards else nothing
    )


def analysis_path(name: str) -> str:
    """Return where the page of an analysis lies."""
    return f"analyses/{name}.html"


def stage(blueprint: Blueprint) -> Markup:
    """Return who may use an analysis, as a mark."""
    return el(
        "span", blueprint.stage, class_=f"badge {blueprint.stage}", title=_STAGES[blueprint.stage]
    )


def analysis(site: Site, one: Analysis) -> bytes:
    """Return the page of an analysis."""
    b = one.blueprint
    return page(
        site,
        analysis_path(b.name),
        b.title,
        el("p", b.summary, class_="lead"),
        facts(
            (
                ("Name", el("code", f"{b.name}@{b.version}")),
                ("Who may use it", join(stage(b), " ", _STAGES[b.stage], f": {', '.join(b.groups)}" if b.stage == "invited" and b.groups else "")),
                ("Field", b.subfield),
                ("Licence", b.license or "none is stated"),
                ("Implementation", _IMPLEMENTATIONS.get(b.implementation or "")),
                ("Maintainers", ", ".join(_person(site, login) for login in b.maintainers)),
                ("Runs", f"by the protocol {b.protocol}, at most {b.limits.max_parallel:,} at once, at most {show(microdollars(b.limits.max_cost_usd))} a job"),
            )
        ),
        section("Publications", _references(b)) if b.references else None,
        section(
            "Input",
            facts(
                (
                    ("Files", ", ".join(b.datasets.suffixes) or "any file"),
                    ("Size", f"at most {format_size(b.datasets.max_size)} each"),
                )
            ),
        ),
        section("Parameters", _parameters(b.parameters)),
        section("Output", _outputs(b.outputs)),
        section("Hardware and price", _hardware(site, b)),
        section("Submit a job", _submit(site, b)),
        section("Versions", _versions(site, one)),
    )  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN].rsplit(' ', 1)[0]} …"


def _person(site: Site, login: str) -> str:
    name = site.people.get(login)
    return f"{name} ({login})" if name else login


def _references(b: Blueprint) -> Markup:
    return el("ul", [el("li", outside(r.url, r.citation)) for r in b.references])


def _parameters(schema: Mapping[str, Any]) -> Markup:
    properties = schema.get("properties")
    rules = properties if isinstance(properties, Mapping) else {}
    needed = schema.get("required")
    required = set(map(str, needed)) if isinstance(needed, list) else set()
    rows = [
        (
            el("code", name),
            _default(rule, name in required),
            _kind(rule),
            _text(rule, "description"),
        )
        for name, rule in rules.items()
        if isinstance(rule, Mapping)
    ]
    if not rows:
        return el("p", "It has none.")
    return table(("Parameter", "Default", "Values", "Meaning and unit"), rows, stacked=True)


def _default(rule: Mapping[str, Any], required: bool) -> Markup:
    if "default" in rule:
        return el("code", _json(rule["default"]))
    return el("strong", "required") if required else el("span", "none", class_="soft")


def _kind(rule: Mapping[str, Any]) -> Content:
    if isinstance(rule.get("enum"), list):
        return ", ".join(_json(value) for value in rule["enum"])
    kinds = rule.get("type", "any")
    words = [" or ".join(map(str, kinds)) if isinstance(kinds, list) else str(kinds)]
    words += [f"{sign} {_json(rule[key])}" for key, sign in _LIMITS.items() if key in rule]
    items = rule.get("items")
    if isinstance(items, Mapping) and "type" in items:
        words[0] += f" of {items['type']}"
    if "pattern" in rule:
        words.append(f"pattern {rule['pattern']}")
    return ", ".join(words)


def _text(rule: Mapping[str, Any], key: str) -> str:
    return str(rule.get(key, ""))


def _outputs(rules: tuple[OutputRule, ...]) -> Markup:
    rows = [
        (el("code", rule.path), "always" if rule.required else "perhaps", _compared(rule.compare))
        for rule in rules
    ]
    return table(("File of each run", "Written", "How a replay compares it"), rows, stacked=True)


def _compared(compare: Mapping[str, Any]) -> str:
    words = {
        "exact": "byte for byte", "canonical": "by its meaning", "array": "as an array",
        "table": "as a table", "ignore": "not at all",
    }  # fmt: skip
    kind = str(compare.get("kind"))
    rest = [f"{key} {_json(value)}" for key, value in compare.items() if key != "kind"]
    return ", ".join([words.get(kind, kind), *rest])


def _hardware(site: Site, b: Blueprint) -> Markup:
    rows = [row for step in b.steps for row in _step_rows(site, step)]
    return join(
        el(
            "p",
            "The most that one run can cost is the price of the time after which it is ended. ",
            "A job may ask for less time.",
        ),
        table(
            ("Step", "Hardware", "Processors", "Memory", "GPUs", "USD an hour", "spot", "Time", "A run at most"),
            rows,
            numbers=(2, 3, 4, 5, 6, 7, 8),
        ),
        _dated(site, b),
    )  # fmt: skip


def _step_rows(site: Site, step: Step) -> Iterator[tuple[Content, ...]]:
    for name in dict.fromkeys((step.hardware, *step.hardware_allowed)):
        shown: Content = [el("code", name), " (default)" if name == step.hardware else None]
        machine = site.hardware.get(name)
        if machine is None:
            yield (el("code", step.id), shown, *["?"] * 7)
            continue
        price = microdollars(machine.price_standard)
        yield (
            el("code", step.id),
            shown,
            f"{machine.vcpus:,}",
            format_size(machine.memory),
            f"{machine.gpus:,}" if machine.gpus else "-",
            f"{machine.price_standard:g}",
            "-" if machine.price_save is None else f"{machine.price_save:g}",
            format_duration(step.max_runtime),
            show(bound(price, step.max_runtime, 1)),
        )


def _dated(site: Site, b: Blueprint) -> Content:
    """Say where prices come from, once for each source."""
    names = {name for step in b.steps for name in (step.hardware, *step.hardware_allowed)}
    used: list[Hardware] = [site.hardware[name] for name in sorted(names) if name in site.hardware]
    sources = dict.fromkeys(f"{machine.source}, {machine.date}" for machine in used)
    return el("p", "Prices: ", "; ".join(sources), ".", class_="soft") if sources else None


def _submit(site: Site, b: Blueprint) -> Markup:
    suffix = b.datasets.suffixes[0] if b.datasets.suffixes else ""
    properties = b.parameters.get("properties")
    required = b.parameters.get("required")
    names = [str(n) for n in required] if isinstance(required, list) else []
    names = names or (list(properties)[:1] if isinstance(properties, Mapping) else [])
    given = "".join(f" --param {name}=VALUE" for name in names if name.isidentifier())
    reference = f"{b.name}@{b.version}"
    return join(
        note("Only its maintainers may use it yet.") if b.stage == "develop" else None,
        el("p", "In a clone of the registry, with your data at hand:"),
        shell(
            f"neurocaas data put recording{suffix}",
            f"neurocaas job new {reference} --user LOGIN --dataset store:recording{suffix}{given} --commit",
            "neurocaas pr open",
        ),
        _form(site, reference),
        el("p", "Before anything is written you see the greatest possible cost; the pull request says it again."),
    )  # fmt: skip


def _form(site: Site, reference: str) -> Content:
    if not (site.repository and site.form):
        return None
    address = f"{site.repository}/issues/new?template=job.yml&blueprint={quote(reference, safe='')}"
    return el(
        "p", "Or fill in ", outside(address, "a form on the web"), "; a pull request is made of it."
    )


def _versions(site: Site, one: Analysis) -> Markup:
    rows = [(el("code", v.number), v.day, commit(site, v.commit)) for v in one.versions]
    images = [
        el("li", el("code", name), ": ", "its image can be rebuilt bit for bit by anybody" if sure else "its image cannot be rebuilt by others")
        for name, sure in one.reproducible.items()
    ]  # fmt: skip
    return join(
        table(("Version", "Published", "Commit"), rows),
        el("p", "Environments:"),
        el("ul", images),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
