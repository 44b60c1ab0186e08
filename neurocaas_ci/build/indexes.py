"""Find and fetch source archives on the package indexes that pip and uv are set up for here.

pip itself would run an sdist's own program to learn its name. So the index is asked by its plain
interface, and nothing of an archive runs outside of the sandbox:
https://packaging.python.org/en/latest/specifications/simple-repository-api/.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.client
import json
import os
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from neurocaas_ci.build.pip_settings import index_address, pip_help, pip_setting
from neurocaas_ci.build.source_locks import normal
from neurocaas_ci.errors import BackendUnavailableError, BuildError
from neurocaas_ci.model.digest import Sha256
from neurocaas_ci.named import NamedTuple

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)
_FORMS = (".tar.gz", ".zip")
_MOST_PAGE = 64 << 20
_MOST_ARCHIVE = 1 << 30
_CHUNK = 1 << 18
_SECONDS = 60
_ATTEMPTS = 3
_ABSENT = frozenset({403, 404, 410})


class Sdist(NamedTuple):
    """A source archive of an index: its file name, its address, its digest where the index says it."""

    file: str
    address: str
    sha256: str | None


def find_sdist(name: str, version: str) -> Sdist:
    """Return the source archive of a package; raise BuildError when no index has one.

    Raise BackendUnavailableError when an index that was asked cannot be reached.
    """
    for page in _pages(name):
        for found in _listed(page):
            if _identity(found.file) == (name, version):
                return found._replace(address=_as_on(page, found.address))
    raise BuildError(
        f"no index has a source archive of {name}=={version}",
        where="iae.yaml sources",
        hint="write the version as the file name on the index has it; .tar.gz and .zip are known",
    )


def fetch(address: str, target: Path) -> tuple[Sha256, int]:
    """Write what lies at an address; return its digest and size in bytes."""
    for attempt in range(_ATTEMPTS):
        hasher, size = hashlib.sha256(), 0
        try:
            with _open(address) as answer, target.open("wb") as out:
                while data := answer.read(_CHUNK):
                    size += len(data)
                    if size > _MOST_ARCHIVE:
                        raise BuildError(
                            f"the source archive has more than {_MOST_ARCHIVE:,} bytes",
                            where=address.rpartition("/")[2],
                            hint="choose another version, or a git commit of the package",
                        )
                    hasher.update(data)
                    out.write(data)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            if attempt == _ATTEMPTS - 1:
                raise _unreachable(error) from error
            time.sleep(2**attempt)
        else:
            return Sha256(hasher.hexdigest()), size
    raise AssertionError  # every attempt returns or raises


def parted(address: str) -> tuple[str, dict[str, str]]:
    """Return an address without its user name and password, and headers that carry them."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    headers = {"User-Agent": "neurocaas-ci"}
    if at:
        headers["Authorization"] = f"Basic {base64.b64encode(unquote(user).encode()).decode()}"
    return urlunsplit(parts._replace(netloc=host)), headers


def _as_on(page: str, address: str) -> str:
    """Return an address with the user name and password of the page that lists it, on its host."""
    user, at, host = urlsplit(page).netloc.rpartition("@")
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=user + at + host)) if parts.netloc == host else address


def _pages(name: str) -> Iterator[str]:
    """Yield the addresses that may list archives of a package: links first, as pip does."""
    links = [*_words("UV_FIND_LINKS", ","), *pip_setting("find-links").split()]
    for link in dict.fromkeys(links):
        yield link if "://" in link else Path(link).absolute().as_uri()
    if os.environ.get("UV_NO_INDEX") or pip_setting("no-index").lower() in (
        "1",
        "true",
        "yes",
        "on",
    ):
        return
    indexes = [index_address() or pip_setting("index-url") or _usual_index()]
    for variable in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
        indexes += [word.partition("=")[2] or word for word in _words(variable)]
    indexes += pip_setting("extra-index-url").split()
    for index in dict.fromkeys(address.rstrip("/") for address in indexes):
        yield f"{index}/{name}/"


def _usual_index() -> str:
    """Return the index that pip uses when none is named, in its own words."""
    found = re.search(r"default\s+(https://\S+?)\)", re.sub(r"\s+", " ", pip_help()))
    if found is None:
        raise BackendUnavailableError(
            "no package index is known", where="pip", hint="name one with PIP_INDEX_URL"
        )
    return found[1]


def _words(variable: str, separator: str | None = None) -> list[str]:
    return [word.strip() for word in os.environ.get(variable, "").split(separator) if word.strip()]


def _listed(page: str) -> Iterator[Sdist]:
    if page.startswith("file:"):
        folder = Path(unquote(urlsplit(page).path))
        if not folder.is_dir():
            return
        if not (folder / "index.html").exists():
            for path in sorted(folder.iterdir()):
                yield Sdist(path.name, path.absolute().as_uri(), None)
            return
        page = f"{page.rstrip('/')}/index.html"
    try:
        with _open(page) as answer:
            kind = answer.headers.get_content_type()
            data, base = answer.read(_MOST_PAGE), answer.url or page
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _ABSENT:
            return
        raise _unreachable(error) from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        raise _unreachable(error) from error
    yield from _of_json(data, base) if kind.endswith("json") else _of_html(data, base)


def _of_json(data: bytes, base: str) -> Iterator[Sdist]:
    try:
        for entry in json.loads(data)["files"]:
            digest = entry.get("hashes", {}).get("sha256")
            yield Sdist(str(entry["filename"]), urljoin(base, str(entry["url"])), digest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            f"the index answers with what is no list: {error}",
            where="index",
            hint="check the address in the pip or uv configuration (PIP_INDEX_URL): it has to end as .../simple",
        ) from error


def _of_html(data: bytes, base: str) -> Iterator[Sdist]:
    links = _Links()
    links.feed(data.decode("utf-8", "replace"))
    for link in links.found:
        address, fragment = urldefrag(urljoin(base, link))
        digest = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment)
        file = unquote(urlsplit(address).path.rpartition("/")[2])
        yield Sdist(file, address, digest[1] if digest else None)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href" and value]


def _identity(file: str) -> tuple[str, str] | None:
    for form in _FORMS:
        if file.endswith(form):
            name, _, version = file.removesuffix(form).rpartition("-")
            return normal(name), version
    return None


def _open(address: str) -> http.client.HTTPResponse:
    bare, headers = parted(address)
    if not bare.startswith(("http://", "https://", "file:/")):
        raise BuildError(
            "an index is reached by http, https or file",
            where=bare[:80],
            hint="correct its address in the pip or uv configuration",
        )
    request = urllib.request.Request(bare, headers={**headers, "Accept": _ACCEPT})  # noqa: S310 - checked above
    answer: http.client.HTTPResponse = _opener().open(request, timeout=_SECONDS)
    return answer


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    authority = pip_setting("cert")
    context = ssl.create_default_context(cafile=authority) if authority else None
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _KeepsCredentials
    )


class _KeepsCredentials(urllib.request.HTTPRedirectHandler):
    """Credentials are for the host that they were given for: archives often lie on another."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        again = super().redirect_request(req, fp, code, msg, headers, newurl)
        if again is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            again.remove_header("Authorization")
        return again


def _unreachable(error: Exception) -> BackendUnavailableError:
    return BackendUnavailableError(
        f"the package index cannot be reached: {error}",
        where="index",
        hint="check the network and the pip or uv configuration, then try again",
    )
