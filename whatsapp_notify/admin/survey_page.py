"""The board of surveys: what the answers say, and how sure that is."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from whatsapp_notify.admin import badges, bar_chart, base, periods, words
from whatsapp_notify.admin.bar_chart import Bar
from whatsapp_notify.admin.words import Tone
from whatsapp_notify.domain.survey_scores import DETRACTORS, ENOUGH, PROMOTERS, SCORES, Scores
from whatsapp_notify.models import Survey, SurveyAnswer
from whatsapp_notify.services import survey_board
from whatsapp_notify.services.survey_board import Board, Group, Week

_FILLS = {**dict.fromkeys(DETRACTORS, "bad"), **dict.fromkeys(PROMOTERS, "good")}


def context(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """This will gather what the page shows and the user may see."""
    surveys = list(Survey.objects.order_by("name", "pk"))
    asked = request.GET.get("survey", "")
    survey = next((each for each in surveys if str(each.pk) == asked), None)
    days = periods.chosen(request)
    may_read = request.user.has_perm("whatsapp_notify.view_inboundmessage_text")
    found = survey_board.board(survey=survey, days=days, with_words=may_read, now=now)
    return {
        "survey": survey,
        "surveys": [
            {"value": str(each.pk), "label": each.name, "is_chosen": each == survey}
            for each in surveys
        ],
        "days": days,
        "periods": periods.choices(days),
        "period": periods.PERIODS[days],
        "tiles": list(_tiles(found)),
        "interval": _interval(found.scores),
        "total": found.scores.total,
        "weeks_chart": _weeks_chart(found.weeks),
        "weeks": [_week(week) for week in reversed(found.weeks) if week.scores.total],
        "scores_chart": _scores_chart(found.scores),
        "scores": [
            (score, found.scores.counts.get(score, 0), _share(found.scores, score))
            for score in reversed(SCORES)
        ],
        "products": _groups(found.products, nameless=_("no product known")),
        "automations": _groups(found.automations, nameless=_("no automation asked")),
        "low": [_person(each, request) for each in found.low],
        "words": found.words and [_person(each, request) for each in found.words],
        "may_read": may_read,
        "enough": ENOUGH,
    }


def _tiles(found: Board) -> Iterator[tuple[str, object, str]]:
    """This will yield the number, what it is, and what it means."""
    scores = found.scores
    few = _("not enough answers yet")
    if scores.is_enough:
        yield _signed(scores.nps), _("NPS"), _("9 and 10 less 1 to 6, in per cent of all")
        yield words.decimal(scores.mean), _("mean"), _("of 1 to 10")
    else:
        yield "–", _("NPS"), few
        yield "–", _("mean"), few
    name = pgettext("noun", "answers")
    yield number_format(scores.total), name, _("the latest of each customer to a question")
    rate = "–" if found.asked.percent is None else f"{words.decimal(found.asked.percent)} %"
    detail = _("%(answered)d of %(reached)d questions that reached somebody") % {
        "answered": found.asked.answered,
        "reached": found.asked.reached,
    }
    yield rate, _("response rate"), detail


def _interval(scores: Scores) -> str:
    """This will say in words how far the NPS is to be trusted."""
    if not scores.is_enough or scores.nps_interval is None:
        missing = max(ENOUGH - scores.total, 0)
        return ngettext(
            "Not enough answers yet: %(n)d more is needed before figures say anything.",
            "Not enough answers yet: %(n)d more are needed before figures say anything.",
            missing,
        ) % {"n": missing}
    low, high = scores.nps_interval
    return _(
        "Had all customers answered, the NPS would lie between %(low)s and %(high)s, by 95 times "
        "in 100. That holds only as far as those who answer are like those who do not."
    ) % {"low": _signed(low), "high": _signed(high)}


def _week(week: Week) -> tuple[str, int, str]:
    start = date_format(week.start, "SHORT_DATE_FORMAT")
    return start, week.scores.total, words.decimal(week.scores.mean)


def _weeks_chart(weeks: Sequence[Week]) -> str:
    bars = [
        Bar(
            value=week.scores.mean,
            label=date_format(week.start, "j M"),
            text=words.decimal(week.scores.mean),
        )
        for week in weeks
    ]
    title = _("Mean score of each week, from 0 to 10. The table holds the same numbers.")
    return bar_chart.draw(bars, name="weeks", title=title, most=10)


def _scores_chart(scores: Scores) -> str:
    counts = [(score, scores.counts.get(score, 0)) for score in SCORES]
    bars = [
        Bar(value=count, label=str(score), text=str(count), fill=_FILLS.get(score, "off"))
        for score, count in counts
    ]
    title = _("How often each score from 1 to 10 was given. The table holds the same numbers.")
    return bar_chart.draw(bars, name="scores", title=title)


def _share(scores: Scores, score: int) -> str:
    if not scores.total:
        return "–"
    return f"{words.decimal(100 * scores.counts.get(score, 0) / scores.total)} %"


def _groups(groups: Sequence[Group], *, nameless: str) -> list[dict[str, Any]]:
    few = gettext_lazy("too few")
    return [
        {
            "name": group.name or nameless,
            "count": group.count,
            "mean": few if group.mean is None else words.decimal(group.mean),
            "nps": few if group.nps is None else _signed(group.nps),
            "reached": group.asked.reached if group.asked else None,
            "rate": (
                "–"
                if group.asked is None or group.asked.percent is None
                else f"{words.decimal(group.asked.percent)} %"
            ),
        }
        for group in groups
    ]


def _person(answer: SurveyAnswer, request: HttpRequest) -> dict[str, Any]:
    customer = base.customer(answer.contact)
    may_open = request.user.has_perm("whatsapp_notify.view_contact")
    may_see_chat = request.user.has_perm("whatsapp_notify.view_inboundmessage")
    return {
        "score": badges.badge(str(answer.score), _tone(answer.score)),
        "customer": badges.link(answer.contact, customer) if may_open else customer,
        "message_id": answer.inbound_id if may_see_chat else None,
        "at": answer.answered_at,
        "survey": answer.survey.name,
        "order_ref": answer.order_ref,
        "product": answer.product,
        "is_paused": answer.contact.promotions_paused_at is not None,
        "answer": answer,
    }


def _tone(score: int) -> Tone:
    if score in PROMOTERS:
        return Tone.GOOD
    return Tone.BAD if score in DETRACTORS else Tone.WAITING


def _signed(number: float | None) -> str:
    """This will write an NPS as a whole number, with a sign where it is below or above zero."""
    rounded = words.nearest(number or 0)
    return f"+{rounded}" if rounded > 0 else f"−{-rounded}" if rounded else "0"
