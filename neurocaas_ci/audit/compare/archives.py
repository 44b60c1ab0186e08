"""Compare gzip, zip and tar by what they hold: names and contents count, order and times do not."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar, cast

from neurocaas_ci.audit.compare.content import (
    CHUNK,
    Careful,
    Content,
    Context,
    Stream,
    same,
    spooled,
)
from neurocaas_ci.audit.compare.result import (
    Part,
    different,
    equivalent,
    merge,
    one_sided,
    plain,
    plural,
)
from neurocaas_ci.audit.compare.trouble import ImpossibleError, UnreadableError, reading

Inner = Callable[[Content, Content, Context], Part]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
_T = TypeVar("_T")


def gunzip(content: Content, context: Context) -> Stream:
    """Return the unpacked bytes."""
    content.file.seek(0)
    return Stream(gzip.GzipFile(fileobj=content.file), content.side, "gzip", context.budget)


def compare_gzip(expected: Content, actual: Content, context: Context, inner: Inner) -> Part:
    """Compare what two gzip files hold; raise UnreadableError when one is damaged."""
    inside = context.deeper()
    part = _contents(
        lambda: gunzip(expected, inside),
        lambda: gunzip(actual, inside),
        expected.name.removesuffix(".gz"),
        inside,
        inner,
    )
    facts = {"content": {"verdict": part.verdict, **part.facts}}
    return Part(part.verdict, f"inside, {part.summary}", part.details, facts, part.used)


def compare_zip(expected: Content, actual: Content, context: Context, inner: Inner) -> Part:
    """Compare the members of two zip files; raise UnreadableError when one is damaged."""
    inside = context.deeper()
    with zip_members(expected, context) as one, zip_members(actual, context) as other:
        return merge(
            paired(
                one,
                other,
                lambda name: _contents(one[name], other[name], name, inside, inner),
            ),
            "member",
        )


def compare_tar(expected: Content, actual: Content, context: Context, inner: Inner) -> Part:
    """Compare the members of two tar files; raise UnreadableError when one is damaged.

    Kinds, permissions, targets of links and contents count; owners and times do not.
    """
    inside = context.deeper()
    left, right = _tar(expected, context), _tar(actual, context)

    def member(name: str) -> Part:
        one, other = left[name], right[name]
        for noun, field in (("type", "type"), ("target", "linkname"), ("mode", "mode")):
            values = getattr(one, field), getattr(other, field)
            if values[0] != values[1]:
                return different(f"has another {noun} in the replay")
        if not one.isreg():
            return equivalent("agrees")
        return _contents(
            lambda: _tar_stream(expected, one, inside),
            lambda: _tar_stream(actual, other, inside),
            name,
            inside,
            inner,
        )

    return merge(paired(left, right, member), "member")


def paired(
    one: dict[str, _T], other: dict[str, _T], compare: Callable[[str], Part]
) -> Iterator[tuple[str, Part]]:
    """Yield the parts of all names in alphabetical order."""
    for name in sorted({*one, *other}):
        if name in one and name in other:
            yield plain(name), compare(name)
        else:
            yield plain(name), one_sided(name in one)


@contextmanager
def zip_members(content: Content, context: Context) -> Iterator[dict[str, Callable[[], Stream]]]:
    """Open a zip file; yield a way to read every member, by name.

    Raise UnreadableError when it is damaged, encrypted, packed otherwise than by deflate or names a
    member twice, ImpossibleError when it has too many members.
    """
    with reading(content.side, "zip"):
        archive = zipfile.ZipFile(cast("BinaryIO", Careful(content)))
    with archive:
        found = archive.infolist()
        _check_count(len(found), context)
        members: dict[str, Callable[[], Stream]] = {}
        for info in found:
            if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
                raise UnreadableError(
                    content.side, f"has a member that is encrypted or not deflated: {_name(info)}"
                )
            if info.filename in members:
                raise UnreadableError(content.side, f"has two members of the name {_name(info)}")
            members[info.filename] = _opener(archive, info, content, context)
        yield members


def _opener(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, content: Content, context: Context
) -> Callable[[], Stream]:
    def member() -> Stream:
        with reading(content.side, "zip"):
            return Stream(archive.open(info), content.side, "zip", context.budget)

    return member


def _name(info: zipfile.ZipInfo) -> str:
    return plain(info.filename, 80)


def _tar(content: Content, context: Context) -> dict[str, tarfile.TarInfo]:
    members: dict[str, tarfile.TarInfo] = {}
    content.file.seek(0)
    with (
        reading(content.side, "tar"),
        tarfile.open(fileobj=cast("BinaryIO", Careful(content)), mode="r:") as archive,
    ):
        for member in archive:
            if member.name in members:
                name = plain(member.name, 80)
                raise UnreadableError(content.side, f"has two members of the name {name}")
            members[member.name] = member
            _check_count(len(members), context)
        end = archive.offset
    # What tarfile does not understand it takes for the end.
    rest = content.stream(start=end)
    while data := rest.read(CHUNK):
        if data.count(0) != len(data):
            raise UnreadableError(content.side, f"is not sound tar (no member at byte {end:,})")
    return members


def _tar_stream(content: Content, member: tarfile.TarInfo, context: Context) -> Stream:
    with (
        reading(content.side, "tar"),
        tarfile.open(fileobj=cast("BinaryIO", Careful(content)), mode="r:") as archive,
    ):
        # Only for links, which are not asked for here, this is None. It outlives the archive.
        source = cast("BinaryIO", archive.extractfile(member))
    return Stream(source, content.side, "tar", context.budget)


def _check_count(count: int, context: Context) -> None:
    if count > context.limits.members:
        raise ImpossibleError(f"has more than {plural(context.limits.members, 'member')}")


def _contents(
    left: Callable[[], Stream],
    right: Callable[[], Stream],
    name: str,
    context: Context,
    inner: Inner,
) -> Part:
    """Compare two members: first as streams, and in a file of their own only if they differ."""
    if same(left(), right()):
        return equivalent("has equal bytes")
    with (
        spooled(left(), name, context.limits) as one,
        spooled(right(), name, context.limits) as other,
    ):
        return inner(one, other, context)
