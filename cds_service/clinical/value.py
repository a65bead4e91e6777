"""A value: what it is, is what it holds."""

from __future__ import annotations


class Value:
    """Something made by the dozen for every patient, equal to another that holds the same.

    A subclass sets its fields once, in a constructor of its own: compiled, that takes a tenth of
    what the constructor of a data class or a named tuple takes, which is Python's even then.
    """

    __slots__ = ()

    def parts(self) -> tuple[object, ...]:
        """Return what it holds, in the order of its constructor."""
        raise NotImplementedError  # each subclass says; an abstract class did not compile

    def __eq__(self, other: object) -> bool:
        """Tell whether the other is of this kind and holds the same."""
        return (
            isinstance(other, Value) and type(other) is type(self) and self.parts() == other.parts()
        )

    def __hash__(self) -> int:
        """Return what its parts come to."""
        return hash(self.parts())

    def __repr__(self) -> str:
        """Return how it could be made again."""
        return f"{type(self).__name__}{self.parts()!r}"
