"""The named tuples of modules that start with every command are those of `typing`."""

from __future__ import annotations

import copy
import pickle
import typing

import pytest

from neurocaas_ci.named import NamedTuple


class Ours(NamedTuple):
    """Some fields."""

    name: str
    size: int = 3
    more: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        """Return the size two times."""
        return 2 * self.size

    @classmethod
    def of(cls, name: str) -> Ours:
        """Return one with defaults."""
        return cls(name)


class Theirs(typing.NamedTuple):
    """Some fields."""

    name: str
    size: int = 3
    more: tuple[str, ...] = ()


def test_it_is_what_typing_makes() -> None:
    ours, theirs = Ours("a", more=("b",)), Theirs("a", more=("b",))
    assert ours == theirs
    assert hash(ours) == hash(theirs)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert Ours._fields == Theirs._fields
    assert Ours._field_defaults == Theirs._field_defaults
    assert Ours.__doc__ == "Some fields."
    assert Ours.__match_args__ == Theirs.__match_args__
    assert Ours.__module__ == Theirs.__module__
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Theirs)
    assert ours._replace(size=4).twice == 8
    assert Ours.of("x") == ("x", 3, ())
    assert isinstance(ours, tuple)


def test_it_can_be_copied_and_pickled() -> None:
    ours = Ours("a", 1)
    assert type(copy.deepcopy(ours)) is Ours
    assert pickle.loads(pickle.dumps(ours)) == ours  # noqa: S301 - made one line above


def test_a_field_without_default_after_one_with_it_is_refused() -> None:
    body = "class Wrong(NamedTuple):\n    a: int = 1\n    b: int\n"
    with pytest.raises(TypeError, match="come last"):
        exec(body, {"NamedTuple": NamedTuple, "__name__": __name__})  # noqa: S102


def test_another_base_is_refused() -> None:
    body = "class Wrong(NamedTuple, list): pass"
    with pytest.raises(TypeError, match=r"typing\.NamedTuple"):
        exec(body, {"NamedTuple": NamedTuple, "__name__": __name__})  # noqa: S102
