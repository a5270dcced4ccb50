"""Webhook bodies that nobody would send, made out of those that Meta does.

Seeded, so that a finding is repeated by its number; no search and no shrinking, so that a
hundred thousand cost seconds.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_PAYLOADS = Path(__file__).parent.parent / "cloud_api" / "payloads"

#: More than that is refused at the door.
_MOST_BYTES = 3 * 1024 * 1024

#: Words that mean something to us, so that the handlers behind the parser are reached.
_WORDS = ("STOP", "START", "stop promotions", "lopeta", "VERKKOKAUPPA 9", "9", "0", "11", "👍")

#: What code that expects something else meets.
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**18, 10**50, -(10**50), 1e308, "", " ", "0", "null", "true",
    [], {}, [[]], [{}], [None], {"": None}, {"id": {}}, "statuses", "failed", "stop", "resume",
    ["sent"], {"body": []}, "2026-11-23T10:00:00Z",
)  # fmt: skip

_TIMES: tuple[Any, ...] = (
    "0", "-1", "1e9", "9" * 30, "253402300799", "253402300800", "-62135596800", 1763892000,
    1763892000.5, "1763892000", "４２", "١٢", "yesterday", "", None, True, [], 10**30,
)  # fmt: skip

_TEXTS = (
    "\x00", "a\x00b", "\ud800", "\udfff tail", "\ud83d", "\u202e" + "evil", "e\u0301" * 300,
    "👩‍👩‍👧‍👦" * 50, "\ufeff", "\u2028\u2029", "İıſß", "ＳＴＯＰ", "ЅТОР", "%s %(x)s {0} {{1}}",
    "'; DROP TABLE x; --", "<script>alert(1)</script>", "\x1b[31m", "\r\n" * 50, "x" * 70_000,
    "+" * 4000, "0" * 400, "\x7f\x80\x9f", "𝕊𝕋𝕆ℙ", "\U0010ffff", "wn:opt-out", "wn:opt-in",
)  # fmt: skip

_TOKENS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9" * 5000, b"0x10", b"01", b"1.",
    b"'one'", b"undefined", b'"\\ud800"', b'"\\u0000"', b'"\\x"', b'"\xff\xfe"', b"/* */1",
    b"[" * 3000 + b"]" * 3000, b'{"a":' * 70 + b"1" + b"}" * 70,
)  # fmt: skip


def bodies(*, seed: int, count: int, ids: Sequence[str] = ()) -> Iterator[bytes]:
    """This will make ``count`` bodies; the same for the same seed.

    About one in eight is as Meta would send it, some come twice. With ``ids``, ids of messages
    and callback data are taken from there now and then, so that rows of ours are moved.
    """
    rng = random.Random(seed)
    last = b"{}"
    for _number in range(count):
        if rng.random() < 0.03:
            yield last  # a repeated POST
            continue
        last = _one(rng, ids)
        yield last


def _one(rng: random.Random, ids: Sequence[str]) -> bytes:
    data = copy.deepcopy(rng.choice(_templates()))
    _freshen(data, rng, ids)
    for _change in range(rng.choice((0, 0, 1, 1, 1, 2, 3, 8))):
        rng.choice(_CHANGES)(data, rng)
    body = _dump(data, rng)
    if rng.random() < 0.3:
        body = rng.choice(_SPOILS)(body, rng)
    return body[:_MOST_BYTES]


@cache
def _templates() -> tuple[dict[str, Any], ...]:
    files = sorted(_PAYLOADS.glob("*.json"))
    return tuple(json.loads(path.read_text(encoding="utf-8"))["body"] for path in files)


def _freshen(data: Any, rng: random.Random, ids: Sequence[str]) -> None:
    """This will give the elements ids, times and words of their own."""
    for holder, key in list(_places(data)):
        if key == "id" and str(holder[key]).startswith("wamid."):
            holder[key] = _id(rng, ids)
        elif key == "biz_opaque_callback_data" and ids:
            holder[key] = rng.choice(ids)
        elif key == "timestamp":
            # Within some days of each other, so that old and new meet.
            holder[key] = str(1_763_800_000 + rng.randrange(300_000))
        elif key == "body" and isinstance(holder[key], str) and rng.random() < 0.5:
            holder[key] = rng.choice(_WORDS)


def _id(rng: random.Random, ids: Sequence[str]) -> str:
    if ids and rng.random() < 0.5:
        return rng.choice(ids)
    return f"wamid.FUZZ{rng.randrange(2000)}"


# Changes of what the JSON says


def _swap(data: Any, rng: random.Random) -> None:
    holder, key = _place(data, rng)
    holder[key] = copy.deepcopy(rng.choice(_VALUES))


def _drop(data: Any, rng: random.Random) -> None:
    holder, key = _place(data, rng)
    del holder[key]


def _rename(data: Any, rng: random.Random) -> None:
    holder, key = _place(data, rng)
    if isinstance(holder, dict):
        holder[rng.choice((key.upper(), f"{key} ", "id", "type", rng.choice(_TEXTS)))] = holder.pop(
            key
        )


def _repeat(data: Any, rng: random.Random) -> None:
    lists = [holder[key] for holder, key in _places(data) if isinstance(holder[key], list)]
    if found := [each for each in lists if each]:
        chosen = rng.choice(found)
        chosen.extend([copy.deepcopy(rng.choice(chosen))] * rng.choice((1, 2, 30)))


def _bury(data: Any, rng: random.Random) -> None:
    holder, key = _place(data, rng)
    for _depth in range(rng.choice((1, 2, 40, 70))):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}


def _garble(data: Any, rng: random.Random) -> None:
    texts = [(h, k) for h, k in _places(data) if isinstance(h[k], str)]
    if texts:
        holder, key = rng.choice(texts)
        trap = rng.choice(_TEXTS)
        holder[key] = rng.choice((trap, holder[key] + trap, trap + holder[key]))


def _mistime(data: Any, rng: random.Random) -> None:
    times = [(h, k) for h, k in _places(data) if k in {"timestamp", "time"}]
    if times:
        holder, key = rng.choice(times)
        holder[key] = copy.deepcopy(rng.choice(_TIMES))


def _mix(data: Any, rng: random.Random) -> None:
    """This will put what another body says beside it, under the same roof or the next."""
    other = copy.deepcopy(rng.choice(_templates()))
    entries = data.get("entry")
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return
    changes = entries[0].get("changes")
    if rng.random() < 0.5 or not isinstance(changes, list):
        entries.extend(other["entry"])
    elif changes and isinstance(changes[0], dict) and isinstance(changes[0].get("value"), dict):
        changes[0]["value"].update(other["entry"][0]["changes"][0]["value"])


_CHANGES: tuple[Callable[[Any, random.Random], None], ...] = (
    _swap, _swap, _drop, _rename, _repeat, _bury, _garble, _garble, _mistime, _mix,
)  # fmt: skip


# Changes of the bytes


def _cut(body: bytes, rng: random.Random) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _flip(body: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(body)
    for _time in range(rng.choice((1, 1, 2, 8))):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    return bytes(spoilt)


def _insert(body: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(body) + 1)
    return body[:place] + rng.randbytes(rng.choice((1, 3, 50))) + body[place:]


def _put_token(body: bytes, rng: random.Random) -> bytes:
    """This will put what is no JSON, or too much of it, in the place of some value."""
    colons = [place for place, byte in enumerate(body) if byte == ord(":")]
    if not colons:
        return rng.choice(_TOKENS)
    place = rng.choice(colons) + 1
    return body[:place] + rng.choice(_TOKENS) + b"," + b'"rest":' + body[place:]


def _double_key(body: bytes, rng: random.Random) -> bytes:
    key = rng.choice((b"entry", b"object", b"changes", b"value", b"statuses", b"messages", b"id"))
    value = rng.choice((b"[]", b"null", b"{}", b'"x"', b"1"))
    extra = b'"' + key + b'":' + value
    if rng.random() < 0.5:
        return body.replace(b"{", b"{" + extra + b",", 1)
    return body[:-1] + b"," + extra + b"}"


def _replace(body: bytes, rng: random.Random) -> bytes:
    """This will send something else altogether."""
    return rng.choice(
        (
            b"", b" ", b"null", b"[]", b'"text"', b"7", b"{}", b"\x00", b"\xff\xfe\x00",
            b"[" * 100_000, b'{"a":' * 50_000, b"[" + body + b"]", body + body, body + b"\n{}",
            b"\xef\xbb\xbf" + body, body.decode("utf-8", "replace").encode("utf-16"),
            b" " * 100_000 + body, body[::-1], b"a=1&b=2", b"<xml/>",
        )
    )  # fmt: skip


_SPOILS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut, _flip, _flip, _insert, _put_token, _double_key, _double_key, _replace,
)  # fmt: skip


def _dump(data: Any, rng: random.Random) -> bytes:
    text = json.dumps(
        data,
        ensure_ascii=rng.random() < 0.5,
        separators=rng.choice(((",", ":"), (", ", ": "), (" ,\n", " : "))),
    )
    if rng.random() < 0.1:
        text = text.replace("/", "\\/")
    return text.encode("utf-8", "surrogatepass")


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """This will give every place in the JSON as what holds it and its key there."""
    waiting = [data]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])


def _place(data: Any, rng: random.Random) -> tuple[Any, Any]:
    places = list(_places(data))
    return rng.choice(places) if places else ({"": None}, "")
