"""HTTP to Graph: one bounded call at a time, never repeated, never redirected."""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.hooks import default_hooks
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError, ReadTimeoutError

from whatsapp_notify.cloud_api import answers, transport
from whatsapp_notify.cloud_api.answers import Answer
from whatsapp_notify.cloud_api.exceptions import (
    GraphError,
    GraphUnavailable,
    MalformedBody,
    MediaTooLarge,
    UntrustedAddress,
)
from whatsapp_notify.cloud_api.json_body import load_object
from whatsapp_notify.domain.receipts import Action, Receipt, Refused, Unknown, UnknownReason

_JSON = "application/json"
#: No answer of Graph's to a send comes near this; templates come in pages.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MAX_PAGES = 500
#: A file of 100 MB takes longer than a call; see Note [A total deadline] of ``transport``.
MEDIA_DEADLINE_SECONDS = 120.0
#: Somebody waits for it, at a page of a web server that gives a request thirty seconds.
UPLOAD_DEADLINE_SECONDS = 25.0
#: Graph could not read the cursor: the list has to be read anew.
_BAD_CURSOR = 131059
#: Where Meta keeps the files that customers send.
_MEDIA_HOSTS = frozenset({"lookaside.fbsbx.com"})

_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}")
_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")
_TOKEN = re.compile(r"[\x21-\x7e]+")

_TEMPLATE_FIELDS = (
    "id,name,category,status,language,components,parameter_format,quality_score,rejected_reason"
)
_PHONE_NUMBER_FIELDS = (
    "verified_name,display_phone_number,quality_rating,status,name_status,"
    "code_verification_status,platform_type,throughput,webhook_configuration,"
    "whatsapp_business_manager_messaging_limit,health_status,is_official_business_account,"
    "account_mode"
)
_PROFILE_FIELDS = "about,address,description,email,profile_picture_url,websites,vertical"


class _Bearer(str):
    """A header value that does not show itself in error reports."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'Bearer ********'"


class _Lost(Exception):
    """Bytes have left and no whole answer has come."""

    def __init__(self, reason: UnknownReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class _Stopped(Exception):
    """We do not want the rest of a file. No OSError: it is not the network's fault."""


class _Sink:
    """Where the bytes of a file go, chunk after chunk, and no more of them than are wanted."""

    __slots__ = ("_write", "fault", "left")

    def __init__(self, *, write: Callable[[bytes], object], max_bytes: int) -> None:
        self._write = write
        #: Bytes that are still wanted; negative once there are too many.
        self.left = max_bytes
        self.fault: OSError | None = None

    def take(self, chunk: bytes) -> None:
        """
        Raises:
            _Stopped: There are too many bytes, or our own disk does not take them.
        """
        self.left -= len(chunk)
        if self.left >= 0:
            try:
                self._write(chunk)
            except OSError as err:
                self.fault = err
        if self.left < 0 or self.fault:
            raise _Stopped


class _Adapter(HTTPAdapter):
    """Pools of connections that obey the deadline of their call.

    # Note [The short way]
    A message is a small POST to one host with a small answer. For these the adapter hands the
    bytes to the connection itself, which is http.client's, and reads the answer there, past what
    urllib3 adds around each request. What is streamed goes the usual way.
    """

    def __init__(self, *, pool_size: int, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        # A repeated POST is a second message: ``max_retries`` stays zero, whatever the
        # defaults of the library become.
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = transport.pool_classes(idle_seconds=self._idle_seconds)
        self._pools: dict[tuple[Any, ...], Any] = {}

    def send(  # type: ignore[override]  # the session passes all of it by name
        self,
        request: PreparedRequest,
        *,
        stream: bool,
        timeout: tuple[float, float],
        verify: bool | str,
        cert: Any,
        proxies: Mapping[str, str],
    ) -> Response:
        """This will make one call. See Note [The short way].

        Raises:
            transport.NotSent: No byte has left.
            requests.RequestException: The usual way failed.
            http.client.HTTPException, urllib3.exceptions.HTTPError, OSError: The short one did.
        """
        if stream:
            return super().send(request, stream, timeout, verify, cert, proxies)
        pool = self._pool(request, verify)
        connection = pool._get_conn()
        try:
            connection.timeout = timeout[0]
            received = connection.exchange(_to_bytes(request), max_bytes=MAX_ANSWER_BYTES)
        except BaseException:
            connection.close()
            raise
        finally:
            pool._put_conn(connection)
        return _WholeResponse(request, received)

    def _pool(self, request: PreparedRequest, verify: bool | str) -> Any:
        # The look-up of the library makes a key of all that TLS can be told, each time.
        key = (*urlsplit(str(request.url))[:2], verify)
        known = self._pools.get(key)
        if known is None:
            known = self._pools[key] = self.get_connection_with_tls_context(request, verify)
        return known

    def close(self) -> None:
        super().close()
        self._pools.clear()


def _to_bytes(request: PreparedRequest) -> bytes:
    """This will write the whole request."""
    parts = urlsplit(str(request.url))
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    head = f"{request.method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    lines = "".join([f"{name}: {value}\r\n" for name, value in request.headers.items()])
    return f"{head}{lines}\r\n".encode("latin-1") + _body_of(request)


def _body_of(request: PreparedRequest) -> bytes:
    return request.body if isinstance(request.body, bytes) else b""


class _WholeResponse(Response):
    """An answer that was read before it was handed over."""

    def __init__(self, request: PreparedRequest, received: transport.Received) -> None:
        # Not the parent's: it makes a jar of cookies for each answer.
        self.status_code = received.http_status
        # The only one that anybody reads.
        self.headers = CaseInsensitiveDict({"Content-Type": received.content_type})
        self.request = request
        self.url = str(request.url)
        self.history = []
        self.raw = None
        self._content = received.body
        self._content_consumed = True
        #: Where the end was not announced, only the deadline tells whether it came.
        self.is_framed = received.is_framed


class _Session(requests.Session):
    """Without proxies and passwords from the environment, without redirects."""

    def __init__(self, adapter: _Adapter) -> None:
        super().__init__()
        # Proxy and netrc look-ups would cost a quarter of each call, and a netrc entry
        # would replace the token.
        self.trust_env = False
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: Response) -> str | None:
        """This will find none: the token is for one host, and a POST is for once."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Request:
    method: str
    url: str
    body: bytes | None = None
    content_type: str = _JSON
    #: For a file of any size, not the short answer of a call: it is never held in memory.
    sink: _Sink | None = None
    deadline_seconds: float | None = None


class GraphClient:
    """One sender's access to Graph. Threads share it; a forked process gets connections anew."""

    def __init__(
        self,
        *,
        base_url: str,
        version: str,
        access_token: str,
        phone_number_id: str,
        business_account_id: str,
        connect_timeout_seconds: float = 5.0,
        deadline_seconds: float = 15.0,
        pool_size: int = 64,
        idle_seconds: float = 30.0,
    ) -> None:
        """
        Raises:
            ValueError: The address, version or an id cannot be part of an address of Graph's,
                or the token is blank or cannot be part of a header.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("The base URL is no address such as https://graph.facebook.com.")
        if not _VERSION.fullmatch(version):
            raise ValueError("The version of Graph is written like v25.0.")
        if not _TOKEN.fullmatch(access_token):
            raise ValueError("The access token is blank or holds blanks.")
        if not (_ID.fullmatch(phone_number_id) and _ID.fullmatch(business_account_id)):
            raise ValueError("The ids of number and business account are blank or no ids.")
        self.base_url = base_url.rstrip("/")
        self.version = version
        self.phone_number_id = phone_number_id
        self.business_account_id = business_account_id
        self._origin = (parts.scheme, parts.hostname, parts.port)
        self._root = f"{self.base_url}/{version}"
        self._messages_url = f"{self._root}/{phone_number_id}/messages"
        self._timeout = (connect_timeout_seconds, deadline_seconds)
        self._deadline_seconds = deadline_seconds
        self._pool_size = pool_size
        self._idle_seconds = idle_seconds
        self._headers = {
            "Authorization": _Bearer(f"Bearer {access_token}"),
            "Accept": _JSON,
            # Nothing to unpack, so nothing that grows when unpacked.
            "Accept-Encoding": "identity",
            "User-Agent": "whatsapp-notify",
        }
        self._fork_lock = threading.Lock()
        self._open()

    def __repr__(self) -> str:
        return f"<GraphClient {self._root} number {self.phone_number_id}>"

    def close(self) -> None:
        """This will close all connections that rest."""
        self._session.close()

    # --- messages -----------------------------------------------------------------------

    def send_message(self, *, body: bytes) -> Receipt:
        """This will make one call with these bytes and say what is certain afterwards.

        Never raises for what the network or Graph does: that is what a receipt is for. The
        call ends by its total deadline; only a resolver that hangs may exceed it, and then
        nothing is sent. ``body`` comes from ``payloads.message``.
        """
        try:
            answer = self._exchange(_Request(method="POST", url=self._messages_url, body=body))
        except transport.NotSent:
            return Refused(action=Action.RETRY, detail="No connection; nothing was sent.")
        except _Lost as err:
            return Unknown(reason=err.reason)
        return answers.to_receipt(answer=answer)

    def mark_read(self, *, provider_message_id: str, is_typing: bool = False) -> None:
        """This will show a customer's message, and all before it, as read.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        data: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": provider_message_id,
        }
        if is_typing:
            data["typing_indicator"] = {"type": "text"}
        self.post(path=f"{self.phone_number_id}/messages", data=data)

    # --- templates ----------------------------------------------------------------------

    def list_templates(self) -> list[dict[str, Any]]:
        """This will read all templates of the account, as Graph describes them.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        path = f"{self.business_account_id}/message_templates"
        params = {"fields": _TEMPLATE_FIELDS, "limit": "100"}
        try:
            return list(self.pages(path=path, params=params))
        except GraphError as err:
            if err.code != _BAD_CURSOR:
                raise
        return list(self.pages(path=path, params=params))

    def create_template(self, *, definition: Mapping[str, Any]) -> dict[str, Any]:
        """This will hand in a template for approval; the answer holds id, status, category.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer; the template may exist all the same.
        """
        return self.post(path=f"{self.business_account_id}/message_templates", data=definition)

    def delete_template(self, *, name: str, template_id: str) -> None:
        """This will delete one language of a template; its name is blocked for 30 days.

        Raises:
            ValueError: The id is blank: Graph would delete all languages.
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        if not _ID.fullmatch(template_id):
            raise ValueError("Without its id, all languages of the template would go.")
        self.delete(
            path=f"{self.business_account_id}/message_templates",
            params={"name": name, "hsm_id": template_id},
        )

    # --- number and account -------------------------------------------------------------

    def phone_number(self) -> dict[str, Any]:
        """This will read name, quality, limit, throughput and health of the number.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        return self.get(path=self.phone_number_id, params={"fields": _PHONE_NUMBER_FIELDS})

    def business_profile(self) -> dict[str, Any]:
        """This will read what customers see of the business.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        path = f"{self.phone_number_id}/whatsapp_business_profile"
        profiles = self.get(path=path, params={"fields": _PROFILE_FIELDS}).get("data")
        if not isinstance(profiles, list) or not profiles or not isinstance(profiles[0], dict):
            raise GraphUnavailable("Graph has named no profile.")
        return profiles[0]

    def update_business_profile(self, *, profile: Mapping[str, Any]) -> None:
        """This will change what customers see of the business.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        data = {**profile, "messaging_product": "whatsapp"}
        self.post(path=f"{self.phone_number_id}/whatsapp_business_profile", data=data)

    def subscribe_app(self) -> None:
        """This will ask for webhooks; without it none ever comes.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        self.post(path=f"{self.business_account_id}/subscribed_apps", data={})

    def debug_token(self) -> dict[str, Any]:
        """This will read scopes, expiry and validity of our own token.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer.
        """
        token = self._headers["Authorization"].removeprefix("Bearer ")
        data = self.get(path="debug_token", params={"input_token": token}).get("data")
        return data if isinstance(data, dict) else {}

    # --- media --------------------------------------------------------------------------

    def upload_media(self, *, content: bytes, mime_type: str, filename: str) -> str:
        """This will upload a file and give its media id, valid for 30 days.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer, or none with an id.
        """
        files = {
            "messaging_product": (None, "whatsapp"),
            "type": (None, mime_type),
            "file": (filename, content, mime_type),
        }
        url = self._url(f"{self.phone_number_id}/media")
        form = requests.Request("POST", url, files=files).prepare()
        request = _Request(
            method="POST",
            url=url,
            body=form.body if isinstance(form.body, bytes) else b"",
            content_type=form.headers["Content-Type"],
            deadline_seconds=UPLOAD_DEADLINE_SECONDS,
        )
        media_id = self._json(request).get("id")
        if not isinstance(media_id, str) or not media_id:
            raise GraphUnavailable("Graph has named no id for the uploaded file.")
        return media_id

    def get_media(self, *, media_id: str) -> dict[str, Any]:
        """This will read address (valid for 5 minutes), type, size and hash of a file.

        Raises:
            GraphError: Graph has refused, as after 7 days for files of customers.
            GraphUnavailable: There was no answer.
        """
        return self.get(path=media_id, params={"phone_number_id": self.phone_number_id})

    def download_media(self, *, url: str, max_bytes: int, write: Callable[[bytes], object]) -> None:
        """This will fetch a file of a customer's, chunk after chunk, from what ``get_media`` named.

        The token goes to the hosts of Meta's alone, whatever address is given to us, and no
        redirect is followed. When it raises, part of the file may have been written.

        Raises:
            UntrustedAddress: The address is none of Meta's.
            GraphUnavailable: There was no whole answer, or another one than the file.
            MediaTooLarge: The file is larger than ``max_bytes``; no more was read.
            OSError: Raised by ``write``.
        """
        if not self._is_trusted(url):
            raise UntrustedAddress
        sink = _Sink(write=write, max_bytes=max_bytes)
        answer = None
        with suppress(_Stopped):
            answer = self._answer(
                _Request(method="GET", url=url, sink=sink, deadline_seconds=MEDIA_DEADLINE_SECONDS)
            )
        if sink.fault is not None:
            raise sink.fault
        if answer is None:
            raise MediaTooLarge
        if answer.http_status != 200:
            raise GraphUnavailable(f"The file could not be read (HTTP {answer.http_status}).")

    # --- any other call -----------------------------------------------------------------

    def get(self, *, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """This will read ``/{version}/{path}``.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer that can be read.
        """
        return self._json(_Request(method="GET", url=self._url(path, params)))

    def post(self, *, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """This will post JSON, once.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer; the call may have worked all the same.
        """
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        return self._json(_Request(method="POST", url=self._url(path), body=body))

    def delete(self, *, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """This will delete, once.

        Raises:
            GraphError: Graph has refused.
            GraphUnavailable: There was no answer; the call may have worked all the same.
        """
        return self._json(_Request(method="DELETE", url=self._url(path, params)))

    def pages(self, *, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """This will go through a list, page after page, by its cursor.

        ``paging.next`` only tells that there is more: as an address it holds the token.

        Raises:
            GraphError: Graph has refused; with code 131059 the list has to be read anew.
            GraphUnavailable: There was no answer, or the list does not end.
        """
        after = ""
        for _page in range(_MAX_PAGES):
            page = self.get(path=path, params={**params, **({"after": after} if after else {})})
            items = page.get("data")
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    yield item
            paging = page.get("paging")
            if not isinstance(paging, dict) or not paging.get("next"):
                return
            cursors = paging.get("cursors")
            cursor = cursors.get("after") if isinstance(cursors, dict) else None
            if not isinstance(cursor, str) or not cursor or cursor == after:
                return
            after = cursor
        raise GraphUnavailable("The list does not end.")

    # --- the exchange -------------------------------------------------------------------

    def _json(self, request: _Request) -> dict[str, Any]:
        answer = self._answer(request)
        data: dict[str, Any] | None
        try:
            data = load_object(answer.body)
        except MalformedBody:
            data = None
        if data is None:
            raise GraphUnavailable(f"No answer of Graph's came (HTTP {answer.http_status}).")
        if answer.is_success and "error" not in data:
            return data
        error = answers.to_error(http_status=answer.http_status, data=data)
        if error is None:
            raise GraphUnavailable(f"No answer of Graph's came (HTTP {answer.http_status}).")
        raise error

    def _answer(self, request: _Request) -> Answer:
        failure = ""
        try:
            return self._exchange(request)
        except transport.NotSent:
            failure = "No connection to Graph."
        except _Lost as err:
            failure = f"No whole answer came: {err.reason.value}."
        raise GraphUnavailable(failure)

    def _exchange(self, request: _Request) -> Answer:
        """This will make one call and read its answer.

        Raises:
            transport.NotSent: No byte has left.
            _Lost: Bytes have left, and no whole answer came.
        """
        if self._process_id != os.getpid():
            self._reopen()
        prepared = self._prepare(request)
        call = transport.Call(deadline_seconds=request.deadline_seconds or self._deadline_seconds)
        is_timeout = False
        with self._watchdog.watching(call):
            response = None
            try:
                response = self._session.send(
                    prepared,
                    stream=request.sink is not None,
                    timeout=self._timeout,
                    allow_redirects=False,
                    proxies={},
                )
                body, is_framed = _read(response, sink=request.sink)
            except transport.NotSent:
                pass
            except (requests.RequestException, HTTPError, HTTPException, OSError) as err:
                is_timeout = isinstance(err, (requests.Timeout, ReadTimeoutError, TimeoutError))
            else:
                # A body that ends with its connection looks whole when the watchdog cut it.
                if is_framed or not call.is_expired:
                    return Answer(
                        http_status=response.status_code,
                        content_type=response.headers.get("Content-Type", "").lower(),
                        body=body,
                    )
            finally:
                # A connection whose answer was read to the end is back in its pool already.
                if response is not None:
                    response.close()
        # Raised out here: an exception of the libraries carries the request with its headers,
        # and would travel along as ``__context__``.
        if not call.has_begun:
            raise transport.NotSent
        if call.is_expired or is_timeout:
            raise _Lost(UnknownReason.TIMED_OUT)
        raise _Lost(UnknownReason.CONNECTION_LOST)

    def _prepare(self, request: _Request) -> PreparedRequest:
        """This will fill a request in without parsing and encoding again what is known."""
        prepared = PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        headers: dict[str, str] = dict(self._headers)
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            headers["Content-Length"] = str(len(request.body))
        prepared.headers = CaseInsensitiveDict(headers)
        prepared.body = request.body
        prepared.hooks = default_hooks()
        return prepared

    def _url(self, path: str, params: Mapping[str, str] | None = None) -> str:
        if not all(_ID.fullmatch(part) and part.strip(".") for part in path.split("/")):
            raise ValueError("This is no path of Graph's.")
        query = f"?{urlencode(params)}" if params else ""
        return f"{self._root}/{quote(path)}{query}"

    def _is_trusted(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            origin = (parts.scheme, parts.hostname, parts.port)
        except ValueError:
            return False
        if parts.username is not None or parts.password is not None:
            return False
        is_meta = parts.hostname in _MEDIA_HOSTS and origin[0] == "https" and not origin[2]
        return is_meta or origin == self._origin

    def _open(self) -> None:
        adapter = _Adapter(pool_size=self._pool_size, idle_seconds=self._idle_seconds)
        if adapter.max_retries.total != 0:
            raise RuntimeError("The HTTP library would repeat a POST by itself.")
        self._session = _Session(adapter)
        self._watchdog = transport.Watchdog()
        self._process_id = os.getpid()

    def _reopen(self) -> None:
        # Two processes on one connection would read each other's answers. The parent's
        # connections are left alone, not closed: they are still the parent's.
        with self._fork_lock:
            if self._process_id != os.getpid():
                self._open()


def _read(response: Response, *, sink: _Sink | None) -> tuple[bytes, bool]:
    """This will read an answer, or pour a file away; True where the answer announces its end."""
    if isinstance(response, _WholeResponse):
        return response.content, response.is_framed
    headers = response.headers
    # Anything but a success is no file. What it says is of no use to anybody.
    if sink is not None and response.status_code == 200:
        for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
            sink.take(chunk)
    return b"", "Content-Length" in headers or "Transfer-Encoding" in headers
