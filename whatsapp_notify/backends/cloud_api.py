"""WhatsApp by Meta's Cloud API."""

from whatsapp_notify import conf
from whatsapp_notify.backends.base import Backend
from whatsapp_notify.cloud_api import payloads
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.domain.receipts import (
    Action,
    NotUploaded,
    Outgoing,
    Receipt,
    Refused,
    Uploaded,
)


class CloudApiBackend(Backend):
    """One Graph client for the process: pooled connections, a deadline on each call."""

    has_webhooks = True
    takes_files = True

    def __init__(self) -> None:
        self._client = graph_client()

    def send(self, outgoing: Outgoing) -> Receipt:
        try:
            body = payloads.message(outgoing=outgoing)
        except ValueError as err:
            return Refused(action=Action.DROP, detail=str(err)[:300])
        return self._client.send_message(body=body)

    def upload(self, *, content: bytes, mime_type: str, filename: str) -> Uploaded | NotUploaded:
        try:
            media_id = self._client.upload_media(
                content=content, mime_type=mime_type, filename=filename
            )
        except GraphUnavailable:
            return NotUploaded()
        except GraphError as err:
            return NotUploaded(code=err.code)
        return Uploaded(media_id=media_id)

    def close(self) -> None:
        self._client.close()


def graph_client() -> GraphClient:
    """This will return a client of its own for the number and account in the settings."""
    settings = conf.load()
    return GraphClient(
        base_url=settings.GRAPH_URL,
        version=settings.GRAPH_VERSION,
        access_token=settings.ACCESS_TOKEN,
        phone_number_id=settings.PHONE_NUMBER_ID,
        business_account_id=settings.BUSINESS_ACCOUNT_ID,
        connect_timeout_seconds=settings.CONNECT_TIMEOUT_SECONDS,
        deadline_seconds=settings.CALL_DEADLINE_SECONDS,
        pool_size=settings.CONCURRENCY,
    )
