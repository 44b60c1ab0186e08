from __future__ import annotations

import pytest

from neurocaas_ci.model.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("1B", 1),
        ("512MB", 512_000_000),
        ("2GB", 2_000_000_000),
        ("2GiB", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("0.5kB", 500),
        ("10 kB", 10_000),
        ("1KiB", 1024),
        ("3TB", 3 * 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "GB",
        "-1GB",
        "2gb",
        "1.GB",
        ".5GB",
        "1.5B",
        "1e3MB",
        "2GB\n",
        " 2GB",
        "٢GB",
        "9" * 16 + "B",
        "1.0000001GB",
    ],
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"whole number|not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("90s", 90),
        ("30m", 1800),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1d1h1m1s", 90_061),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1", "h", "30 m", "1m1h", "-5m", "1.5h", "1h\n", "9" * 10 + "s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "size", [0, 1, 999, 1000, 1024, 512_000_000, 2 << 30, 3 * 10**12, 123_456_789]
)
def test_a_formatted_size_reads_back(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 3600, 5400, 86_400, 90_061, 10**7])
def test_a_formatted_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


def test_formats_are_the_ones_people_write() -> None:
    assert format_size(2_000_000) == "2MB"
    assert format_size(2 << 30) == "2GiB"
    assert format_duration(5400) == "1h30m"
