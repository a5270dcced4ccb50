"""Signals of ours that wait for the commit of what they tell of."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.dispatch import Signal

from whatsapp_notify.services import commits, replaying


@dataclass(slots=True, eq=False)
class _Ring:
    signal: Signal
    sender: Any
    arguments: dict[str, Any]

    def is_like(self, waiting: Any) -> bool:
        """This will tell whether what waits for the commit is a ring of the same news."""
        other = getattr(waiting, "__self__", None)
        # Hundreds may wait, most for another signal: that is looked at first.
        return (
            other.__class__ is _Ring
            and other.signal is self.signal
            and other.arguments == self.arguments
            and other.sender is self.sender
        )

    def send(self) -> None:
        self.signal.send_robust(sender=self.sender, **self.arguments)


def ring(signal: Signal, *, sender: Any = None, **arguments: Any) -> None:
    """This will send the signal after the commit, or at once where no transaction is open.

    Rung again with the same arguments in one transaction it is sent once: a thousand orders
    wake the worker once. What a receiver raises is logged by Django and disturbs nobody. Where the
    shop commits by hand nobody hears of its commit, and nothing is rung: the tick finds the row.
    """
    if replaying.silences(signal, arguments) or commits.are_by_hand():
        return
    new = _Ring(signal, sender, arguments)
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        new.send()
        return
    # A rollback to a savepoint takes its rings out of the list.
    if not any(new.is_like(each[1]) for each in connection.run_on_commit):
        transaction.on_commit(new.send, robust=True)
