"""Faults of the conversation with Graph. They never carry headers, tokens or personal data."""

from whatsapp_notify.exceptions import WhatsAppNotifyError


class MalformedBody(WhatsAppNotifyError):
    """This body is no JSON object that can be read and stored. Keep its bytes, look at them."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body cannot be read: {reason}.")
        #: "not_utf8", "not_json", "not_an_object", "too_deep" or "number_out_of_range".
        self.reason = reason


class GraphError(WhatsAppNotifyError):
    """Graph has refused the call. The code says why; ``errors.explain`` says what to do."""

    def __init__(
        self,
        *,
        code: int | None,
        http_status: int,
        detail: str = "",
        trace_id: str = "",
        is_transient: bool = False,
    ) -> None:
        super().__init__(f"Graph has refused the call (code {code}, HTTP {http_status}): {detail}")
        self.code = code
        self.http_status = http_status
        self.detail = detail
        self.trace_id = trace_id
        self.is_transient = is_transient


class GraphUnavailable(WhatsAppNotifyError):
    """Graph could not be reached, or gave no answer that can be read. Try again later."""


class UntrustedAddress(GraphUnavailable):
    """The address of the file is none of Meta's, so that nothing was asked of it."""

    def __init__(self) -> None:
        super().__init__("The address of the file is none of Meta's.")


class MediaTooLarge(WhatsAppNotifyError):
    """The file is larger than is allowed, whatever was told of its size; the rest was not read."""
