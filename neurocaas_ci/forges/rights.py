"""What the bot may do on GitHub, in the words of a GitHub App's permissions; I/O is not handled here."""

from __future__ import annotations

from typing import TypeAlias

Rights: TypeAlias = "tuple[tuple[str, str], ...]"

NEEDED: Rights = (
    ("actions", "read"), ("checks", "write"), ("contents", "write"), ("issues", "write"),
    ("pull_requests", "write"),
)  # fmt: skip
"""What the bot does on GitHub (docs/github.md, "The app")."""
PUSH: Rights = (("contents", "write"),)
"""What git needs to bring something onto a branch."""
