"""Searching for people without writing their numbers into addresses and access logs.

The search box posts. What was typed stays in the session under a short random name, and only
that name stands in the address. A name that the session does not know is taken as typed, so
that links such as ``?q=A1001`` work.
"""

import secrets
from urllib.parse import urlencode

from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect

_SESSION_KEY = "whatsapp_notify_searches"
#: How many searches a session remembers.
_KEPT = 20
#: What the form of the list's actions does not send.
BUTTON = "_search"


def remember(request: HttpRequest) -> HttpResponseRedirect:
    """This will keep what was typed and lead to the list that shows what it finds."""
    typed = request.POST.get(SEARCH_VAR, "").strip()[:200]
    parameters = {
        name: value for name, value in request.GET.items() if name not in {SEARCH_VAR, "p"}
    }
    if typed:
        name = f"~{secrets.token_urlsafe(9)}"
        searches = dict(request.session.get(_SESSION_KEY, {}))
        searches[name] = typed
        request.session[_SESSION_KEY] = dict(list(searches.items())[-_KEPT:])
        parameters[SEARCH_VAR] = name
    return HttpResponseRedirect(f"{request.path}?{urlencode(parameters)}")


def typed(request: HttpRequest) -> str:
    """This will return what was searched for, by the name that stands in the address."""
    name = request.GET.get(SEARCH_VAR, "")
    return str(request.session.get(_SESSION_KEY, {}).get(name, name)).strip()


class PrivateChangeList(ChangeList):
    """A list whose address holds the name of a search, and whose box what was typed."""

    typed = ""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet:
        name = self.query
        self.typed = request.session.get(_SESSION_KEY, {}).get(name, name)
        self.query = self.typed
        try:
            return super().get_queryset(request, exclude_parameters)
        finally:
            self.query = name
