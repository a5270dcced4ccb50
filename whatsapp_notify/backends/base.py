"""The shape of a backend."""

from whatsapp_notify.domain.receipts import Outgoing, Receipt


class Backend:
    """Sends messages on one channel. Thread-safe: one instance serves many calls at once."""

    #: Whether news of what it has sent come by webhook.
    has_webhooks = False

    def send(self, outgoing: Outgoing) -> Receipt:
        """This will make one call, within the deadline, and say what came of it.

        Never raises for anything that the provider or the network does; a message that cannot
        be put on the wire is a ``Refused`` with ``Action.DROP``.
        """
        raise NotImplementedError

    def close(self) -> None:
        """This will let go of connections."""
