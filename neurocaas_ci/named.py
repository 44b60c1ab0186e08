"""`NamedTuple` for the modules that most commands load: the same, made in half the time.

`typing` compiles the text of every annotation when it makes a class, for readers of types at run
time, whom nothing here has. A command starts with some seventy such classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    _OWN = frozenset({"__module__", "__qualname__", "__annotations__", "__orig_bases__"})

    class _Maker(type):
        """Turns the body of a class into a named tuple with the methods of that body."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if len(bases) > 1:
                raise TypeError(
                    f"{name}: nothing but fields and methods; typing.NamedTuple can more"
                )
            fields = body["__annotations__"]
            optional = [field for field in fields if field in body]
            if optional != list(fields)[len(fields) - len(optional) :]:
                raise TypeError(f"{name}: fields with a default come last")
            made = namedtuple(  # noqa: PYI024 - what typing.NamedTuple is made with, too
                name,
                fields,
                defaults=[body[field] for field in optional],
                module=body["__module__"],
            )
            made.__annotations__ = fields
            for key in body.keys() - fields.keys() - _OWN:
                setattr(made, key, body[key])
            return made

    class _Base:
        def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
            del bases
            return (type.__new__(_Maker, "NamedTuple", (), {}),)

    NamedTuple = _Base()

__all__ = ["NamedTuple"]
