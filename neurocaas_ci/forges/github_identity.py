"""Ask GitHub for the token by which a workflow run proves what it is."""

from __future__ import annotations

from collections.abc import Mapping

from neurocaas_ci.errors import BackendUnavailableError, UsageError

_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_SECONDS = 30
_RETRIES = 4
_BUSY = (429, 500, 502, 503, 504)


def identity_token(environment: Mapping[str, str], audience: str | None = None) -> str:
    """Return the token for an audience; raise UsageError where there is no identity.

    Without one it is what GitHub's own services expect, the owner's address. Raise
    BackendUnavailableError when GitHub gives no token although it was asked several times.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    url, secret = environment.get(_URL), environment.get(_TOKEN)
    if not url or not secret:
        raise UsageError(
            "this is no workflow run with an identity",
            where=_URL,
            hint="the job needs the permission `id-token: write`",
        )
    retry = Retry(_RETRIES, backoff_factor=0.2, status_forcelist=_BUSY, raise_on_status=False)
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            answer = session.get(
                url,
                params={"audience": audience} if audience else None,
                headers={"Authorization": f"bearer {secret}"},
                timeout=_SECONDS,
            )
            answer.raise_for_status()
            return str(answer.json()["value"])
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise BackendUnavailableError(
            f"GitHub's token endpoint gives no identity ({type(error).__name__})",
            where=_URL,
            hint="run the job again; https://www.githubstatus.com tells whether GitHub is well",
        ) from None
