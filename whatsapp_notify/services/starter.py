"""What a shop begins with: topics, a survey, automations, templates, answers and labels."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from whatsapp_notify import conf
from whatsapp_notify.domain import phrases
from whatsapp_notify.exceptions import WhatsAppNotifyError
from whatsapp_notify.models import (
    AutomaticReply,
    Automation,
    CannedReply,
    KeywordReply,
    Label,
    Survey,
    Template,
    Topic,
)
from whatsapp_notify.services import installation, templates

#: Stands for the shop's own domain in the starter's buttons.
_ORIGIN = "https://shop.example"
#: Stands for the page with the shop's benefits.
_BENEFIT_URL = f"{_ORIGIN}/benefits"


class BadBaseUrl(WhatsAppNotifyError):
    """This is no base address of a shop. Give scheme and host only: https://shop.example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """How many rows were added; what was there before is not counted."""

    topics: int
    automations: int
    templates: int
    automatic_replies: int
    keyword_replies: int
    canned_replies: int
    labels: int


def install(*, now: datetime, base_url: str) -> Installed:
    """This will add what a shop begins with, in one transaction, and change nothing that is there.

    A topic is there when its key is, a template when its name is in its language, and an
    automation when any automation for the same event and topic is, so that no customer is
    written to twice. A keyword reply is there when one in its language answers any of its
    phrases, an automatic reply when its occasion has one in its language, a canned reply when
    its shortcut is in its language, and a label when its name is or the same events set one.
    What has been deleted comes back: switch it off instead.

    ``base_url`` is the shop's own address, ``https://shop.example``; buttons lead there.

    Raises:
        BadBaseUrl: It is no http address, or has more than scheme, host and port.
    """
    origin = origin_of(base_url)
    with transaction.atomic():
        installation.current(now=now)
        return Installed(
            topics=_install_topics(),
            automations=_install_automations(),
            templates=_install_templates(origin),
            automatic_replies=_install_automatic_replies(),
            keyword_replies=_install_keyword_replies(),
            canned_replies=_install_canned_replies(),
            labels=_install_labels(),
        )


def origin_of(base_url: str) -> str:
    """This will return the scheme and host of the shop's base address.

    Raises:
        BadBaseUrl: As ``install``.
    """
    try:
        parts = urlsplit(base_url.strip())
        # Reading the port checks it.
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as err:
        raise BadBaseUrl(BadBaseUrl.__doc__) from err
    has_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not is_good or has_more or any(mark in parts.netloc for mark in "{} "):
        raise BadBaseUrl(BadBaseUrl.__doc__)
    return f"{parts.scheme}://{parts.netloc}"


def starter_templates(*, origin: str) -> Iterator[Template]:
    """This will make the templates that come with the package, as drafts. Does not save them.

    ``origin`` is what ``origin_of`` returns. Meta wants the domain of a button fixed, so it is
    part of the template; the benefit page is that of the setting BENEFIT_URL.
    """
    benefit_url = conf.load().BENEFIT_URL or f"{origin}/"
    for item in templates.starter():
        yield Template(
            name=item["name"],
            language=item["language"],
            category=item["category"],
            parameter_format=item["parameter_format"],
            components=[
                _at_home(component, origin=origin, benefit_url=benefit_url)
                for component in item["components"]
            ],
        )


def _at_home(value: Any, *, origin: str, benefit_url: str) -> Any:
    """This will put the shop's own addresses in the place of the starter's."""
    match value:
        case dict():
            return {
                key: _at_home(each, origin=origin, benefit_url=benefit_url)
                for key, each in value.items()
            }
        case list():
            return [_at_home(each, origin=origin, benefit_url=benefit_url) for each in value]
        case str() if value == _BENEFIT_URL:
            return benefit_url
        case str() if value.startswith(f"{_ORIGIN}/"):
            return origin + value.removeprefix(_ORIGIN)
        case _:
            return value


def _install_topics() -> int:
    return sum(
        Topic.objects.get_or_create(key=item["key"], defaults=item)[1] for item in _read("topics")
    )


def _install_templates(origin: str) -> int:
    known = set(Template.objects.values_list("name", "language"))
    new = [
        template
        for template in starter_templates(origin=origin)
        if (template.name, template.language) not in known
    ]
    Template.objects.bulk_create(new)
    return len(new)


def _install_automations() -> int:
    topics = {topic.key: topic for topic in Topic.objects.all()}
    surveys = {item["keyword"]: item for item in _read("surveys")}
    # Read before the first is added: the starter itself may have two for one event and topic.
    known = set(Automation.objects.values_list("event", "topic__key"))
    new = [item for item in _read("automations") if (item["event"], item["topic"]) not in known]
    for item in new:
        survey = _survey(surveys[item["survey"]]) if item["survey"] else None
        Automation.objects.create(**{**item, "topic": topics[item["topic"]], "survey": survey})
    return len(new)


def _install_automatic_replies() -> int:
    known = set(AutomaticReply.objects.values_list("kind", "language"))
    new = [
        AutomaticReply(**item)
        for item in _read("automatic_replies")
        if (item["kind"], item["language"]) not in known
    ]
    AutomaticReply.objects.bulk_create(new)
    return len(new)


def _install_keyword_replies() -> int:
    known = {
        (row.language, key)
        for row in KeywordReply.objects.all()
        for key in phrases.keys(row.phrases)
    }
    new = [
        KeywordReply(**item)
        for item in _read("keyword_replies")
        if known.isdisjoint((item["language"], key) for key in phrases.keys(item["phrases"]))
    ]
    KeywordReply.objects.bulk_create(new)
    return len(new)


def _install_canned_replies() -> int:
    known = set(CannedReply.objects.values_list("shortcut", "language"))
    new = [
        CannedReply(**item)
        for item in _read("canned_replies")
        if (item["shortcut"], item["language"]) not in known
    ]
    CannedReply.objects.bulk_create(new)
    return len(new)


def _install_labels() -> int:
    names = {name.casefold() for name in Label.objects.values_list("name", flat=True)}
    events = set(Label.objects.exclude(set_by="").values_list("set_by", flat=True))
    new = [
        Label(**item)
        for item in _read("labels")
        if item["name"].casefold() not in names and item["set_by"] not in events
    ]
    Label.objects.bulk_create(new)
    return len(new)


def _survey(item: Mapping[str, Any]) -> Survey:
    found = Survey.objects.filter(keyword__iexact=item["keyword"]).order_by("id").first()
    return found or Survey.objects.create(**item)


def _read(name: str) -> list[dict[str, Any]]:
    source = resources.files("whatsapp_notify") / "starter" / f"{name}.json"
    data: list[dict[str, Any]] = json.loads(source.read_text(encoding="utf-8"))
    return data
