"""What all pages share: frame, navigation, tables, digests, marks; I/O is not handled here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neurocaas_ci.site.facts import JobRow, Site
from neurocaas_ci.site.markup import Content, Markup, el, join, outside

# Nothing is loaded but the style sheet, whatever somebody manages to write into a page.
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
_PLACES = (
    ("Start", "index.html"), ("Analyses", "analyses.html"), ("Jobs", "jobs.html"),
    ("Usage", "usage.html"),
)  # fmt: skip
_SHORT = 12


def page(site: Site, path: str, title: str, *content: Content) -> bytes:
    """Return a whole page that lies at `path` of the site."""
    up = "../" * path.count("/")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title if title == site.title else f"{title} · {site.title}"),
        el("link", rel="icon", href="data:,"),
        el("link", rel="stylesheet", href=f"{up}style.css"),
    )
    navigation = el(
        "nav",
        [
            el("a", name, href=up + place, aria_current="page" if place == path else None)
            for name, place in _PLACES
        ],
        aria_label="Main",
    )
    body = el(
        "body",
        el("a", "Skip to the content", href="#content", class_="skip"),
        el("header", el("a", site.title, href=f"{up}index.html", class_="brand"), navigation),
        el("main", el("h1", title), *content, id="content"),
        el(
            "footer",
            el(
                "p",
                "Made of the registry at commit ",
                commit(site, site.commit),
                f" of {site.day}.",
            ),
            el("p", "Signatures are not verified here: every job's page says how you do that."),
        ),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n".encode()


def section(title: str, *content: Content) -> Markup:
    """Return a part of a page under a heading."""
    return el("section", el("h2", title), *content)


def table(
    titles: Sequence[str],
    rows: Iterable[Sequence[Content]],
    numbers: Iterable[int] = (),
    *,
    stacked: bool = False,
) -> Markup:
    """Return a table that scrolls by itself where it is too wide; `numbers` are columns of those.

    With `stacked` a narrow screen shows each row as a small list instead.
    """
    right = set(numbers)
    columns = [(title, "number" if n in right else None) for n, title in enumerate(titles)]
    head = el("tr", [el("th", title, scope="col", class_=kind) for title, kind in columns])
    body = [
        el(
            "tr",
            [
                el("td", cell, class_=kind, data_label=title if stacked else None)
                for cell, (title, kind) in zip(row, columns, strict=True)
            ],
        )
        for row in rows
    ]
    return el(
        "div",
        el("table", el("thead", head), el("tbody", body), class_="stacked" if stacked else None),
        class_="wide",
        tabindex="0",
        role="group",
        aria_label=", ".join(filter(None, titles)),
    )


def facts(rows: Iterable[tuple[str, Content]]) -> Markup:
    """Return names with what they stand for; what is empty is left out."""
    return el("dl", [join(el("dt", name), el("dd", value)) for name, value in rows if value])


def tiles(rows: Iterable[tuple[str, str]]) -> Markup:
    """Return a few numbers that matter, each with its word."""
    return el(
        "ul",
        [el("li", el("strong", number), el("span", word)) for number, word in rows],
        class_="tiles",
    )


def shell(*lines: str) -> Markup:
    """Return commands to type."""
    return el("pre", el("code", "\n".join(lines)), tabindex="0")


def note(*content: Content) -> Markup:
    """Return a remark that must not be overlooked."""
    return el("p", *content, class_="note")


def digest(value: str) -> Markup:
    """Return a digest in full, which breaks wherever a line ends."""
    return el("code", value, class_="digest")


def commit(site: Site, full: str) -> Markup:
    """Return a commit, as a link where its repository is on the web."""
    shown = el("code", full[:_SHORT], title=full)
    return outside(f"{site.repository}/commit/{full}", shown) if site.repository else shown


def badge(row: JobRow) -> Markup:
    """Return how a job stands, by word and colour."""
    return el("span", row.state, class_=f"badge {row.state}")


def bar(part: int, whole: int, what: str) -> Markup:
    """Return a share as the length of a bar."""
    share = min(max(part / whole, 0.0), 1.0) if whole else 0.0
    return el(
        "svg",
        el("rect", width="100", height="10", class_="all"),
        el("rect", width=f"{100 * share:.2f}", height="10", class_="part"),
        class_="bar",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{100 * share:.1f} % of {what}",
    )
