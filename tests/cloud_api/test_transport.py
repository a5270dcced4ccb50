"""Reading an answer: the short way agrees with http.client, or leaves it to http.client."""

import io
from http.client import HTTPException, HTTPResponse

import pytest

from whatsapp_notify.cloud_api import transport

BODY = b'{"messages":[{"id":"wamid.1"}]}'


def answer(*lines: str, status: str = "HTTP/1.1 200 OK", body: bytes = BODY) -> bytes:
    return "\r\n".join([status, *lines, "", ""]).encode("latin-1") + body


LENGTH = f"Content-Length: {len(BODY)}"
JSON = "Content-Type: application/json; charset=UTF-8"

PLAIN = {
    "as Graph answers": answer(JSON, LENGTH),
    "without a type": answer(LENGTH),
    "without a blank": answer(f"content-length:{len(BODY)}", "CONTENT-TYPE:Text/JSON"),
    "kept alive": answer(JSON, "Connection: keep-alive", LENGTH),
    "with cookies": answer("Set-Cookie: a=1", "Set-Cookie: b=2", JSON, LENGTH),
    "an error": answer(JSON, LENGTH, status="HTTP/1.1 400 Bad Request"),
    "a throttle": answer(JSON, LENGTH, status="HTTP/1.1 429 "),
    "nothing in it": answer("Content-Length: 0", body=b""),
    "a head in the body": answer(
        JSON, "Content-Length: 26", body=b"\r\nTransfer-Encoding: x\r\n\r\n"
    ),
}

SPECIAL = {
    "chunked": answer("Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunked, and a length": answer("Transfer-Encoding: chunked", LENGTH),
    "blank before the colon": answer("Transfer-Encoding : chunked", LENGTH),
    "compressed": answer("Content-Encoding: gzip", LENGTH),
    "closing": answer("Connection: close", LENGTH),
    "closing and more": answer("Connection: keep-alive, close", LENGTH),
    "two lengths": answer(LENGTH, "Content-Length: 5"),
    "two lengths apart": answer(LENGTH, JSON, "Content-Length: 5"),
    "no length": answer(JSON),
    "a negative length": answer("Content-Length: -1"),
    "a folded line": answer("X-Note: a", " b", LENGTH),
    "a bare line feed": answer("X-Note: a\nContent-Length: 5", LENGTH),
    "a bare carriage return": answer("X-Note: a\rContent-Length: 5", LENGTH),
    "interim": answer(status="HTTP/1.1 100 Continue", body=b""),
    "interim, and the real one": b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(JSON, LENGTH),
    "no content": answer(LENGTH, status="HTTP/1.1 204 No Content"),
    "moved": answer("Location: https://other.example/", LENGTH, status="HTTP/1.1 302 Found"),
    "old": answer(LENGTH, status="HTTP/1.0 200 OK"),
    "an odd status": answer(LENGTH, status="HTTP/1.1 2000 OK"),
    "cut in the body": answer(JSON, LENGTH)[:-1],
    "more than announced": answer(JSON, LENGTH) + b"x",
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_reads_a_plain_answer_as_http_client_does(data: bytes) -> None:
    received = transport._plain(data)

    response = HTTPResponse(transport._Stream(io.BufferedReader(io.BytesIO(data))), method="POST")  # type: ignore[arg-type]
    response.begin()
    assert received is not None
    assert received.http_status == response.status
    assert received.content_type == response.headers.get("Content-Type", "").lower()
    assert received.body == response.read()
    assert received.is_framed
    assert not response.will_close


@pytest.mark.parametrize("data", SPECIAL.values(), ids=SPECIAL)
def test_leaves_anything_else_to_http_client(data: bytes) -> None:
    assert transport._plain(data) is None


def test_f36_no_cut_answer_passes_for_a_plain_one() -> None:
    whole = answer(JSON, LENGTH)

    assert [at for at in range(len(whole)) if transport._plain(whole[:at]) is not None] == []


def test_what_http_client_refuses_is_never_plain() -> None:
    for data in (b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"):
        stream = transport._Stream(io.BufferedReader(io.BytesIO(data)))
        with pytest.raises(HTTPException):
            HTTPResponse(stream, method="POST").begin()  # type: ignore[arg-type]
        assert transport._plain(data) is None
