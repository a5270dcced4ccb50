"""Views of the phone page. Only POST changes anything; forms work without JavaScript."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from whatsapp_notify.simulator import catalog, conf, control
from whatsapp_notify.simulator.errors import GraphError
from whatsapp_notify.simulator.fates import FATES
from whatsapp_notify.simulator.models import SimulatedCustomer, StoredMedia

from . import actions, presenting

#: Nothing from elsewhere, nothing inline.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)

#: Types of stored files that are shown as pictures.
PICTURE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})

PhoneView = Callable[..., HttpResponse]


def phone_view(view: PhoneView) -> PhoneView:
    """This will keep a view for development, out of caches, and under a strict CSP."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not conf.is_enabled():
            raise Http404
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    return login_not_required(never_cache(guarded))


@phone_view
@require_GET
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    """Go to the latest chat, or say how to get a first one."""
    chats = presenting.people(current=None, now=timezone.now())
    if chats:
        return redirect("whatsapp_simulator:chat", pk=chats[0].pk)
    return render(request, "whatsapp_simulator/empty.html", _page(people=[]))


@phone_view
@require_GET
@ensure_csrf_cookie
def numbers(request: HttpRequest) -> HttpResponse:
    """Show the numbers with a fixed fate, and the form that adds a customer."""
    chats = presenting.people(current=None, now=timezone.now())
    return render(request, "whatsapp_simulator/empty.html", _page(people=chats))


@phone_view
@require_GET
@ensure_csrf_cookie
def chat(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the chat of one customer."""
    customer, now = get_object_or_404(SimulatedCustomer, pk=pk), timezone.now()
    messages = presenting.load_thread(customer, now=now)
    context = _page(
        people=presenting.people(current=customer, now=now),
        customer=customer,
        items=presenting.items(messages, host=request.get_host(), now=now),
        reactions=actions.REACTIONS,
        quoted=presenting.quoted_by(customer, pk=request.GET.get("quote", "")),
        **_goods(),
        **presenting.panel(customer, now=now),
    )
    return render(request, "whatsapp_simulator/chat.html", context)


@phone_view
@require_GET
def feed(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the parts of the page that may have changed, or 304.

    ``{"items": [{id, revision, html}], "people": html, "state": html, "told": html,
    "typing": bool, "unread": int, "unread_elsewhere": int}``
    """
    customer, now = get_object_or_404(SimulatedCustomer, pk=pk), timezone.now()
    chats = presenting.people(current=customer, now=now)
    messages = presenting.load_thread(customer, now=now)
    webhooks = presenting.told(customer)
    mark = presenting.fingerprint(
        customer, chats=chats, messages=messages, webhooks=webhooks, now=now
    )
    etag = f'"{mark}"'
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponseNotModified(headers={"ETag": etag})
    shown = presenting.items(messages, host=request.get_host(), now=now)
    context = {
        "customer": customer,
        "people": chats,
        "reactions": actions.REACTIONS,
        **presenting.panel(customer, now=now),
    }
    answer = {
        "items": [
            {
                "id": item.id,
                "revision": item.revision,
                "html": _html("item", {**context, "item": item}),
            }
            for item in shown
        ],
        "people": _html("people", context),
        "state": _html("state", context),
        "told": _html("told", context),
        "typing": context["is_typing"],
        "unread": sum(each.unread for each in chats if each.is_current),
        "unread_elsewhere": sum(each.unread for each in chats if not each.is_current),
    }
    return JsonResponse(answer, headers={"ETag": etag})


@phone_view
@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what the customer does; back to the chat, or 204 for the script."""
    customer = get_object_or_404(SimulatedCustomer, pk=pk)
    try:
        actions.run(customer, data=request.POST, upload=request.FILES.get("file"))
    except actions.BadAction as error:
        words = str(error) or _("That cannot be done.")
        return HttpResponse(words, status=400, content_type="text/plain; charset=utf-8")
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    return redirect("whatsapp_simulator:chat", pk=pk)


@phone_view
@require_POST
def add_customer(request: HttpRequest) -> HttpResponse:
    """Add a customer by number, or one who hides it, and open the chat."""
    phone, name = request.POST.get("phone", "").strip(), request.POST.get("name", "")
    try:
        if "hides_number" in request.POST:
            customer = control.hidden_customer(phone, name=name)
        else:
            customer = control.customer(phone, name=name)
    except GraphError:
        chats = presenting.people(current=None, now=timezone.now())
        context = _page(people=chats, error=_("This is not a phone number."))
        return render(request, "whatsapp_simulator/empty.html", context, status=400)
    return redirect("whatsapp_simulator:chat", pk=customer.pk)


@phone_view
@require_GET
def media(request: HttpRequest, graph_id: str) -> HttpResponse:
    """Show a picture of a chat."""
    stored = get_object_or_404(StoredMedia, graph_id=graph_id)
    if stored.mime_type not in PICTURE_TYPES:
        raise Http404
    response = HttpResponse(bytes(stored.data), content_type=stored.mime_type)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _page(**context: Any) -> dict[str, Any]:
    settings = conf.get_settings()
    return {"business_name": settings.business_name, "fates": FATES, **context}


def _goods() -> dict[str, Any]:
    """This will return what the form of a cart shows."""
    try:
        return {"products": catalog.products(), "most_pieces": catalog.MAX_QUANTITY}
    except catalog.CatalogBroken as err:
        return {"catalog_fault": str(err)}


def _html(name: str, context: dict[str, Any]) -> str:
    return render_to_string(f"whatsapp_simulator/_{name}.html", context)
