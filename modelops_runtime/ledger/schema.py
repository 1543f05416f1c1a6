"""Brings a database's tables to the version of this code, or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from modelops_runtime.contracts.errors import LedgerError, UserError
from modelops_runtime.ledger.sql import SchemaStep


class SchemaConnection(Protocol):
    """One connection, with which a schema is read and changed."""

    def version(self) -> tuple[int, int] | None:
        """(version, oldest writer), or None when there is no ledger. Raises LedgerError when there is something else."""
        ...

    def lock(self) -> None:
        """Begin a transaction that nobody else can be in at the same time."""
        ...

    def apply(self, step: SchemaStep) -> None: ...

    def begin_at_zero(self) -> None: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...


def bring_up_to_date(connection: SchemaConnection, steps: Sequence[SchemaStep], *, where: str, create: bool) -> None:
    """Make or migrate the tables; many workers may do so at once.

    Raises UserError when there is no ledger and `create` is False, LedgerError for one that is too new to write to.
    """
    if _is_current(connection.version(), steps, where=where, create=create):
        return
    connection.lock()
    try:
        found = connection.version()
        if not _is_current(found, steps, where=where, create=create):
            if found is None:
                connection.begin_at_zero()
            for step in steps:
                if found is None or step.version > found[0]:
                    connection.apply(step)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _is_current(found: tuple[int, int] | None, steps: Sequence[SchemaStep], *, where: str, create: bool) -> bool:
    """Whether nothing is to be done. Raises as `bring_up_to_date` does."""
    ours = steps[-1].version
    if found is None:
        if not create:
            raise UserError(f"{where}: there is no ledger in it; `mops run` makes one")
        return False
    version, oldest_writer = found
    if version > ours and oldest_writer > ours:
        raise LedgerError(
            f"{where}: the ledger has schema version {version}, which version {oldest_writer} and later may write; "
            f"this ModelOps knows {ours}: use a newer ModelOps"
        )
    return version >= ours
