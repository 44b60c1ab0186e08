"""The figure of usage: it has what it shows, nothing overlaps, and equal reports give equal bytes."""

import io
import struct
import subprocess
import sys
from dataclasses import replace

import matplotlib.image
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from neurocaas_ci.audit.usage import summarise
from neurocaas_ci.model.money import Microdollars
from neurocaas_ci.model.usage import FinishedJob, UsageScope
from neurocaas_ci.report import usage_figure
from neurocaas_ci.report.usage_figure import MOST_ANALYSES, as_png

SCOPE = UsageScope("0123456789abcdef0123456789abcdef01234567")
HOUR = 3_600_000_000
ONE = FinishedJob(
    user="ada", month="2020-01", analysis="pmd", version="1.0.0", datasets=1, runs=1,
    status="succeeded", compute=HOUR // 2, cpu=HOUR, cost=Microdollars(96_000), local=True,
)  # fmt: skip
LONG = "one-photon-motion-correction-and-demixing-of-widefield-recordings"


def _report(months, analyses, hours=1):
    """Return a report of jobs of all sizes, some in each month and some of each analysis."""
    jobs = [
        replace(
            ONE, user=f"u{n % 7}", month=f"{2020 + n // 12:04d}-{n % 12 + 1:02d}",
            datasets=2 ** (n % 9), compute=(n + 1) * hours * HOUR,
        )
        for n in range(months)
    ] + [
        replace(ONE, analysis=f"analysis-{n:03d}" if n % 9 else f"{LONG}-{n}",
                compute=n * hours * HOUR, datasets=2 ** (n % 9))
        for n in range(analyses)
    ]  # fmt: skip
    joined = {job.user: min(j.month for j in jobs if j.user == job.user) for job in jobs}
    return summarise(jobs, joined)


CASES = {
    "nothing": summarise([], {}),
    "one": summarise([ONE], {"ada": "2020-01"}),
    "no time": summarise([replace(ONE, compute=0)], {}),
    "usual": _report(24, 12),
    "long": _report(60, 40),
    "longer": _report(400, 100),
    "much": _report(60, 5, hours=10_000),
    "most": _report(3, 2, hours=200_000_000),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def drawn(request):
    """The PNG, and every text of the figure with the rectangle that it covers."""
    boxes = []
    draw = Figure.savefig

    def look(figure, *arguments, **options):
        draw(figure, *arguments, **options)
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes.extend(
            (text.get_text(), text.get_window_extent(renderer))
            for text in set(figure.findobj(Text)) - set(_undrawn(figure))
            if text.get_visible() and text.get_text().strip()
        )

    scope = replace(SCOPE, since="2020-01", user="ada", unreadable_count=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", look)
        return as_png(request.param, scope), boxes


def _undrawn(figure):
    """Yield the labels of ticks beyond the limits of their axis."""
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            shown = {label for tick in axis._update_ticks() for label in (tick.label1, tick.label2)}
            yield from set(axis.findobj(Text)) - shown - {axis.label, axis.offsetText}


def test_it_is_a_png_with_content_in_every_panel(drawn):
    data, _ = drawn
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width == 1440
    assert 900 <= height <= 2600
    pixels = matplotlib.image.imread(io.BytesIO(data))
    assert pixels.shape[:2] == (height, width)
    upper = int(height * 0.35)
    for panel in (pixels[:upper, : width // 2], pixels[:upper, width // 2 :], pixels[-250:]):
        assert (panel[..., :3].min(axis=2) < 0.5).sum() > 300


def test_no_text_overlaps_another_or_leaves_the_figure(drawn):
    data, boxes = drawn
    width, height = struct.unpack(">II", data[16:24])
    texts = [text for text, _ in boxes]
    assert {"a  Jobs by parallelism", "b  Monthly users", "c  Compute time by analysis"} <= set(
        texts
    )
    for n, (text, box) in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= width, text
        assert 0 <= box.y0 < box.y1 <= height, text
        for other, its_box in boxes[:n]:
            apart = (
                box.x1 <= its_box.x0 + 1 or its_box.x1 <= box.x0 + 1
                or box.y1 <= its_box.y0 + 1 or its_box.y1 <= box.y0 + 1
            )  # fmt: skip
            assert apart, (text, other)


@pytest.mark.parametrize("name", ["nothing", "one", "usual"])
def test_equal_reports_give_equal_bytes_whatever_the_user_has_set(name):
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        other = as_png(CASES[name], SCOPE)
    assert other == as_png(CASES[name], SCOPE)
    assert b"Software" not in other
    assert b"matplotlib" not in other


def test_what_has_no_room_is_summed_up():
    rows = usage_figure._shown(CASES["longer"].analyses)
    assert len(rows) == MOST_ANALYSES
    assert rows[-1][0] == f"{len(CASES['longer'].analyses) - MOST_ANALYSES + 1} others together"
    total = CASES["longer"].total
    assert sum(tally.jobs for _, tally in rows) == total.jobs
    assert sum(tally.compute for _, tally in rows) == total.compute


def test_names_are_shown_as_they_are():
    job = replace(ONE, analysis="a$b$c\x1b[2J\n")
    assert as_png(summarise([job], {}), SCOPE).startswith(b"\x89PNG")


def test_tables_do_not_need_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import neurocaas_ci.report.usage, neurocaas_ci.cli.usage, neurocaas_ci.audit.harvest"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
