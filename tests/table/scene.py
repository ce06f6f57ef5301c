"""What a row of the table is, and the usual certificates that its scenes are made of.

Nothing that OpenSSL has an opinion on stands in a row; that column is recorded while the tests run
(`tests.table.openssl`). Dates count from the moment of the test run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.model import Mode, ProblemKind

HOST = "mail.example.org"


@dataclass(frozen=True)
class Scene:
    """What a server sends, leaf first, and the certificates that each trust store holds."""

    sent: tuple[Issued, ...]
    stores: Mapping[str, tuple[Issued, ...]]


SetScene = Callable[[datetime], Scene]


@dataclass(frozen=True)
class Row:
    """How to set the scene, and what must be found in it, no more and no less.

    `undecided` are problems of which neither yes nor no can be said. `complete` tells whether every
    intermediate is sent, None where that cannot be known. `carried` tells whether the certificate has the
    name that is expected of it.
    """

    set_scene: SetScene
    problems: frozenset[ProblemKind]
    undecided: frozenset[ProblemKind]
    complete: bool | None
    name: str
    carried: bool
    mode: Mode

    @property
    def id(self) -> str:
        """The name of the row."""
        return self.set_scene.__name__


class Table(list[Row]):
    """Rows; a function becomes one by being decorated."""

    def row(
        self,
        *problems: ProblemKind,
        undecided: tuple[ProblemKind, ...] = (),
        complete: bool | None = True,
        name: str = HOST,
        carried: bool = True,
        mode: Mode = Mode.STARTTLS,
    ) -> Callable[[SetScene], SetScene]:
        """Add the decorated scene; see `Row` for the columns."""

        def add(set_scene: SetScene) -> SetScene:
            found, unclear = frozenset(problems), frozenset(undecided)
            self.append(Row(set_scene, found, unclear, complete, name, carried, mode))
            return set_scene

        return add


ROOT = Root("CN=Root,O=Contoso")
ANOTHER_ROOT = Root("CN=Another,O=Contoso")
SUB = Intermediate("CN=Sub,O=Contoso")
LEAF = Leaf(f"CN={HOST},O=Contoso", dns=(HOST,))


def trusting(root: Issued, *sent: Issued, **stores: tuple[Issued, ...]) -> Scene:
    """A scene in which the store `clients` holds the root, beside further stores."""
    return Scene(sent, {"clients": (root,), **stores})


def usual(now: datetime, *, leaf: Leaf = LEAF, sub: Intermediate = SUB) -> Scene:
    """Sends leaf < sub; holds root."""
    root = self_signed(ROOT, now)
    middle = root.issue(sub)
    return trusting(root, middle.issue(leaf), middle)
