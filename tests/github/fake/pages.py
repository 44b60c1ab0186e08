"""What GitHub Pages show of a repository."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pages:
    """The website: its files by path, and every deployment with how often it is still under way.

    `ends` is how deployments end; `unfinished` how often the next ones are asked for before they do.
    """

    enabled: bool = True
    build_type: str = "workflow"
    files: dict[str, bytes] = field(default_factory=dict)
    deployments: dict[str, int] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    ends: str = "succeed"
    unfinished: int = 0
