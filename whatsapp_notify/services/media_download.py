"""One file of a customer, from Meta to our disk: what became of it, without any row.

Nothing is asked but Graph, by the id of the file, and then the address that Graph names, if it
is one of Meta's.
"""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whatsapp_notify.cloud_api import errors
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import (
    GraphError,
    GraphUnavailable,
    MediaTooLarge,
    UntrustedAddress,
)
from whatsapp_notify.domain import file_types
from whatsapp_notify.domain.receipts import Action
from whatsapp_notify.models import InboundMedia
from whatsapp_notify.services import media_files
from whatsapp_notify.services.media_files import Incoming

logger = logging.getLogger(__name__)

#: A file that came otherwise than was told is asked for again so often.
_MAX_DAMAGED = 3
#: Graph's refusals that end by themselves or by a repair: of the token, of the account.
_PASSING = frozenset({Action.RETRY, Action.SLOW_DOWN, Action.SLOW_PAIR, Action.STOP_SENDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The file lies under the name that its row has for it."""

    type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The file is not kept, whatever is tried."""

    reason: str
    #: Because of what it is, not because it could not be had.
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """This file is to be asked for again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Graph or our disk is away: this file and all others have to wait."""

    reason: str


Outcome = Kept | Ended | Later | Away


def fetch(*, row: InboundMedia, client: GraphClient) -> Outcome:
    """This will fetch the file of a row that is claimed. Never inside a transaction."""
    try:
        told = client.get_media(media_id=row.media_id)
    except GraphError as err:
        return _refused(err)
    except GraphUnavailable:
        return Away(reason="no_answer")
    except ValueError:
        return Ended(reason="gone")  # no id of Meta's
    limit = file_types.LIMITS.get(row.kind, min(file_types.LIMITS.values()))
    size = _size(told)
    if size is not None and size > limit:
        return _refusal("too_large")
    try:
        with media_files.incoming() as file:
            client.download_media(url=_text(told, "url"), max_bytes=limit, write=file.write)
            return _look(row, told, file)
    except UntrustedAddress:
        return Ended(reason="host")
    except GraphUnavailable:
        # Only this address is known to be bad; the next try gets a new one.
        return Later(reason="no_answer")
    except MediaTooLarge:
        return _refusal("too_large")
    except OSError as err:
        logger.error(
            "A file of a customer could not be written", extra={"fault": type(err).__name__}
        )
        return Away(reason="disk")


def _look(row: InboundMedia, told: Mapping[str, Any], file: Incoming) -> Outcome:
    # That of the webhook first: it is signed.
    wanted = row.sha256 or _text(told, "sha256").lower()
    is_other = bool(wanted) and not hmac.compare_digest(wanted.encode(), file.sha256.encode())
    if is_other or _size(told) not in {None, file.size}:
        return Later(reason="damaged") if row.tries < _MAX_DAMAGED else _refusal("damaged")
    said = row.declared_type or _text(told, "mime_type")
    verdict = file_types.judge(kind=row.kind, told=said, head=file.head, names=file.names())
    if verdict.reason:
        return _refusal(verdict.reason)
    file.keep(name=str(row.file.name))
    return Kept(type=verdict.type, size=file.size, sha256=file.sha256)


def _refused(error: GraphError) -> Outcome:
    rule = errors.explain(error.code) if error.code is not None else None
    if error.is_transient or error.http_status >= 500 or (rule and rule.action in _PASSING):
        return Away(reason="meta")
    return Ended(reason="gone")


def _refusal(reason: str) -> Ended:
    return Ended(reason=reason, is_refused=True)


def _size(told: Mapping[str, Any]) -> int | None:
    """Graph writes it as a number, and has written it as text."""
    size = told.get("file_size")
    if isinstance(size, str) and size.isascii() and size.isdigit() and len(size) < 16:
        return int(size)
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""
