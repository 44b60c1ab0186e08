"""Whose word stands in signing certificates: the issuers and the one identity of this machine."""

from __future__ import annotations

LOCAL_HOST = "local.neurocaas.invalid"
"""The name of every embedded instance; RFC 2606 sees to it that nobody ever owns it."""

LOCAL_ISSUER = f"https://{LOCAL_HOST}"
LOCAL_IDENTITY = f"{LOCAL_ISSUER}/runner"

GITHUB = "https://github.com"
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
