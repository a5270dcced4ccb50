"""A browser without a window: pages and forms over HTTP, cookies and CSRF tokens included."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import requests

TIMEOUT_SECONDS = 20.0


class PageRefused(Exception):
    """The shop did not take what was sent; the message tells which page and why."""


class Visitor:
    """One visitor of one site, with a session of its own."""

    def __init__(self, *, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> str:
        """This will return a page.

        Raises:
            PageRefused: The answer is not 200.
        """
        response = self._session.get(self._base_url + path, timeout=TIMEOUT_SECONDS)
        return _page(path, response)

    def submit(self, path: str, values: Mapping[str, str], *, form_on: str = "") -> str:
        """This will fill the form of a page and send it; returns the page that follows.

        What the page had filled in stays, unless ``values`` says otherwise. The form is the one
        on ``form_on`` where it is another page than that which takes it.

        Raises:
            PageRefused: The form came back with errors, or the answer is not 200.
        """
        shown = _Fields(self.get(form_on or path), action=path)
        page_url = self._base_url + (form_on or path)
        response = self._session.post(
            self._base_url + path,
            data={**shown.values, **values},
            headers={"Referer": page_url},
            timeout=TIMEOUT_SECONDS,
        )
        page = _page(path, response)
        if not response.history:
            raise PageRefused(f"{path} came back: {_first_error(page)}")
        return page


class _Fields(HTMLParser):
    """The values of the form that is sent to ``action``, else of all forms on the page."""

    def __init__(self, html: str, *, action: str) -> None:
        super().__init__()
        self._action = action
        self._is_inside = False
        self._select = ""
        self._textarea = ""
        self.values: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            # Without an address a form is sent to its own page.
            is_post = given.get("method", "").lower() == "post"
            self._is_inside = is_post and given.get("action", "") in {"", self._action}
        elif self._is_inside:
            self._take(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] = self.values.get(self._textarea, "") + data

    def _take(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind in {"checkbox", "radio"} and "checked" not in given:
                return
            if kind not in {"submit", "button", "file", "image", "reset"}:
                self.values[name] = given.get("value", "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in self.values:
                self.values[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = name


def _page(path: str, response: requests.Response) -> str:
    if response.status_code != 200:
        raise PageRefused(f"{path} answered {response.status_code}.")
    return response.text


def _first_error(html: str) -> str:
    found = re.search(r'class="[^"]*error[^"]*"[^>]*>(.*?)</(?:ul|p|div)>', html, re.DOTALL)
    text = re.sub(r"<[^>]+>", " ", found[1]) if found else "no reason is shown"
    return " ".join(text.split())[:200]


def control(*, base_url: str, token: str, action: str, **values: Any) -> dict[str, Any]:
    """This will have the simulator play the customer, or Meta; returns its answer.

    Raises:
        PageRefused: The simulator did not understand.
    """
    response = requests.post(
        f"{base_url}/simulator/control/",
        json={"action": action, **values},
        headers={"Authorization": f"Bearer {token}"},
        timeout=TIMEOUT_SECONDS,
    )
    answer: dict[str, Any] = response.json()
    if response.status_code != 200:
        raise PageRefused(f"The simulator refused {action}: {answer.get('error')}.")
    return answer
