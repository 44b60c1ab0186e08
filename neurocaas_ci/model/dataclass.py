"""`dataclass`, `field` and `replace` as in the standard library, made for a fast start; no I/O here.

The standard decorator compiles seven functions for each class while it is imported: 40 ms of CPU
for the sixty classes of a `reconcile`. Here a constructor is compiled when the first value is made,
and all else is shared. What is not used in this project (inheritance of fields, `InitVar`,
`ClassVar`, `KW_ONLY`, other options) is refused; type checkers see the standard library.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_ABSENT = object()
_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")


class _Factory:
    """A default that is made afresh for each value."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


class _Fields:
    """The standard library's description of a class, made for the first who asks for it."""

    def __init__(self, defaults: dict[str, Any]) -> None:
        self._defaults = defaults
        self._made: dict[str, Any] | None = None

    def __get__(self, _: object, owner: Any) -> dict[str, Any]:
        if self._made is None:
            from dataclasses import make_dataclass

            rows = [(n, kind, *self._default(n)) for n, kind in owner.__annotations__.items()]
            made: Any = make_dataclass(owner.__name__, rows)
            self._made = made.__dataclass_fields__
        return self._made

    def _default(self, name: str) -> tuple[Any, ...]:
        from dataclasses import field

        default = self._defaults.get(name, _ABSENT)
        if isinstance(default, _Factory):
            return (field(default_factory=default.make),)
        return () if default is _ABSENT else (field(default=default),)


def _dataclass(
    cls: Any = None, *, frozen: bool = False, slots: bool = False, order: bool = False
) -> Any:
    """Give a class its constructor, `repr`, comparison and hash, and with `frozen` no way to change."""
    if cls is None:
        return lambda given: _dataclass(given, frozen=frozen, slots=slots, order=order)
    names = tuple(cls.__annotations__)
    defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
    _refuse_unknown(cls, defaults)
    members: dict[str, Any] = {
        "__init__": _constructor(
            names, defaults, frozen=frozen, more="__post_init__" in cls.__dict__
        ),
        "__match_args__": names,
        "__dataclass_fields__": _Fields(defaults),
        "__repr__": _repr,
        "__eq__": _eq,
        "__hash__": _hash if frozen else None,
    }
    if frozen:
        members |= {"__setattr__": _refuse_set, "__delattr__": _refuse_delete}
    if frozen and slots:
        members |= {"__getstate__": _values, "__setstate__": _set_values}
    if order:
        members |= _ORDER
    own = {k: v for k, v in cls.__dict__.items() if k not in {"__dict__", "__weakref__", *names}}
    if slots:
        own |= {"__slots__": names, "__qualname__": cls.__qualname__}
        return type(cls)(cls.__name__, cls.__bases__, members | own)
    for name, default in defaults.items():
        if isinstance(default, _Factory):
            delattr(cls, name)
    for name in members.keys() - own.keys():
        setattr(cls, name, members[name])
    return cls


def _refuse_unknown(cls: Any, defaults: dict[str, Any]) -> None:
    kinds = [str(kind) for kind in cls.__annotations__.values()]
    special = any(word in kind for kind in kinds for word in _SPECIAL)
    inherits = any("__dataclass_fields__" in base.__dict__ for base in cls.__mro__[1:])
    shared = any(type(default).__hash__ is None for default in defaults.values())
    if special or inherits or shared:
        raise TypeError(f"use the standard library's dataclass for {cls.__qualname__}")


def _constructor(
    names: tuple[str, ...], defaults: dict[str, Any], *, frozen: bool, more: bool
) -> Callable[..., None]:
    """Return a constructor that puts the compiled one into its place when it is first called."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        compiled = _compiled(names, defaults, frozen=frozen, more=more)
        mro: tuple[Any, ...] = type(self).__mro__
        for cls in mro:
            # Another thread may have been first.
            if cls.__dict__.get("__init__") is __init__:
                compiled.__qualname__ = f"{cls.__qualname__}.__init__"
                cls.__init__ = compiled
        compiled(self, *args, **kwargs)

    return __init__


def _compiled(
    names: tuple[str, ...], defaults: dict[str, Any], *, frozen: bool, more: bool
) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_ABSENT": _ABSENT}
    parameters, body = ["self"], []
    for name in names:
        value, default = name, defaults.get(name, _ABSENT)
        if isinstance(default, _Factory):
            known[f"_new_{name}"] = default.make
            value = f"_new_{name}() if {name} is _ABSENT else {name}"
            parameters.append(f"{name}=_ABSENT")
        elif default is not _ABSENT:
            known[f"_default_{name}"] = default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f" _set(self, {name!r}, {value})" if frozen else f" self.{name} = {value}")
    if more or not body:
        body.append(" self.__post_init__()" if more else " pass")
    text = "\n".join([f"def __init__({', '.join(parameters)}):", *body])
    exec(text, known)  # noqa: S102 - names come from the annotations of a class, nothing else does
    function: Callable[..., None] = known["__init__"]
    return function


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self.__match_args__])


def _set_values(self: Any, state: tuple[Any, ...]) -> None:
    for name, value in zip(self.__match_args__, state, strict=True):
        object.__setattr__(self, name, value)


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> bool:
    return _values(self) == _values(other) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def method(self: Any, other: Any) -> bool:
        same = type(self) is type(other)
        return compare(_values(self), _values(other)) if same else NotImplemented

    return method


_ORDER = {
    f"__{o.__name__}__": _ordering(o) for o in (operator.lt, operator.le, operator.gt, operator.ge)
}


def _refuse_set(_self: Any, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _replace(value: Any, /, **changes: Any) -> Any:
    """Return a copy with some fields changed."""
    return type(value)(**dict(zip(value.__match_args__, _values(value), strict=True)) | changes)


def _field(*, default: Any = _ABSENT, default_factory: Callable[[], Any] | None = None) -> Any:
    """Return a default, or one that is made afresh for each value."""
    return default if default_factory is None else _Factory(default_factory)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace
else:
    dataclass, field, replace = _dataclass, _field, _replace

__all__ = ["dataclass", "field", "replace"]
