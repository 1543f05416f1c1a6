"""Migrates a database's tables to the schema version of this code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from modelops_runtime.contracts.errors import LedgerError, UserError
from modelops_runtime.ledger.sql import SchemaStep


class SchemaConnection(Protocol):
    """A session in which the schema is read and changed."""

    def version(self) -> tuple[int, int] | None:
        """(version, oldest writer), or None if there is no ledger. Raises LedgerError if there is something else."""
        ...

    def lock(self) -> None:
        """Begin a transaction. No other session can be in such a transaction at the same time."""
        ...

    def apply(self, step: SchemaStep) -> None:
        """Migrate by one step, and store its version."""
        ...

    def begin_at_zero(self) -> None:
        """Make the table of the schema's version, with version 0."""
        ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...


def bring_up_to_date(connection: SchemaConnection, steps: Sequence[SchemaStep], *, where: str, create: bool) -> None:
    """Make or migrate the tables. Many workers may call it at the same time.

    Raises UserError if there is no ledger and `create` is False, LedgerError if it is too new for this code to write.
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
    """Whether there is nothing to do. Raises the errors of `bring_up_to_date`."""
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
