"""The shape of a backend."""

from whatsapp_notify.domain.receipts import NotUploaded, Outgoing, Receipt, Uploaded


class Backend:
    """Sends messages on one channel. Thread-safe: one instance serves many calls at once."""

    #: Whether news of what it has sent come by webhook.
    has_webhooks = False
    #: Whether ``upload`` takes files.
    takes_files = False

    def send(self, outgoing: Outgoing) -> Receipt:
        """This will make one call, within the deadline, and say what came of it.

        Never raises for anything that the provider or the network does; a message that cannot
        be put on the wire is a ``Refused`` with ``Action.DROP``.
        """
        raise NotImplementedError

    def upload(self, *, content: bytes, mime_type: str, filename: str) -> Uploaded | NotUploaded:
        """This will hand a file over, for messages that name it by its id; within a deadline.

        Never raises for anything that the provider or the network does.
        """
        return NotUploaded()

    def close(self) -> None:
        """This will let go of connections."""
