"""What the answers of a period say: a constant number of queries, whatever there is to count."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.utils import timezone

from whatsapp_notify.domain.statuses import State
from whatsapp_notify.domain.survey_scores import DETRACTORS, ENOUGH, PROMOTERS, Scores
from whatsapp_notify.models import Automation, Identity, Message, Survey, SurveyAnswer

#: Rows shown of each list; products are those with most answers.
PRODUCTS_SHOWN, WORDS_SHOWN, LOW_SHOWN = 20, 10, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    #: Its Monday; the first week may begin before the period.
    start: date
    scores: Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Questions that were planned in the period and reached somebody."""

    reached: int = 0
    answered: int = 0

    @property
    def percent(self) -> float | None:
        """The response rate; None where nobody was asked."""
        return 100 * self.answered / self.reached if self.reached else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The answers about one product, or to the questions of one automation."""

    name: str
    count: int
    _sum: int
    _promoters: int
    _detractors: int
    asked: Asked | None = None

    @property
    def mean(self) -> float | None:
        """The mean; None while there are too few answers."""
        return self._sum / self.count if self.count >= ENOUGH else None

    @property
    def nps(self) -> float | None:
        """The NPS; None while there are too few answers."""
        if self.count < ENOUGH:
            return None
        return 100 * (self._promoters - self._detractors) / self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    scores: Scores
    asked: Asked
    #: Oldest first, without a gap.
    weeks: tuple[Week, ...]
    #: Most answers first; "" for answers about no product.
    products: tuple[Group, ...]
    #: "" for answers that no automation had asked for.
    automations: tuple[Group, ...]
    low: tuple[SurveyAnswer, ...]
    #: None where the reader may not see what customers write.
    words: tuple[SurveyAnswer, ...] | None


def board(*, survey: Survey | None, days: int, with_words: bool, now: datetime) -> Board:
    """This will gather the answers of the last days to one survey, or to all."""
    since = _midnight(timezone.localdate(now) - timedelta(days=days - 1))
    answers = SurveyAnswer.objects.filter(is_current=True, answered_at__gte=since)
    questions = Message.objects.filter(created_at__gte=since, survey__isnull=False)
    if survey is not None:
        answers, questions = answers.filter(survey=survey), questions.filter(survey=survey)
    weeks = _weeks(answers, since=since, now=now)
    by_automation = _asked(questions)
    return Board(
        scores=_added(week.scores for week in weeks),
        asked=Asked(
            reached=sum(each.reached for each in by_automation.values()),
            answered=sum(each.answered for each in by_automation.values()),
        ),
        weeks=tuple(weeks),
        products=tuple(_products(answers)),
        automations=tuple(_automations(answers, by_automation)),
        low=tuple(_low(answers)),
        words=tuple(_words(answers)) if with_words else None,
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _weeks(answers: QuerySet[SurveyAnswer], *, since: datetime, now: datetime) -> list[Week]:
    today, first = timezone.localdate(now), timezone.localdate(since)
    monday = first - timedelta(days=first.weekday())
    mondays = [monday + timedelta(weeks=number) for number in range((today - monday).days // 7 + 1)]
    # Plain comparisons: SQLite would call back into Python for each row to cut off the time.
    latest_first = reversed(list(enumerate(mondays)))
    week = Case(
        *(When(answered_at__gte=_midnight(day), then=Value(n)) for n, day in latest_first),
        output_field=IntegerField(),
    )
    rows = answers.values("score", week=week).order_by().annotate(count=Count("pk"))
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for row in rows:
        counts[row["week"]][row["score"]] += row["count"]
    return [
        Week(start=day, scores=Scores(counts=dict(counts[number])))
        for number, day in enumerate(mondays)
    ]


def _added(parts: Iterable[Scores]) -> Scores:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part.counts)
    return Scores(counts=dict(total))


def _asked(questions: QuerySet[Message]) -> Mapping[int | None, Asked]:
    answers = SurveyAnswer.objects.filter(question=OuterRef("pk"), is_current=True)
    is_answered = Q(is_answered=True)
    # Who has answered has been reached, whatever became of the news about it.
    is_reached = Q(state__in=[State.DELIVERED, State.READ]) | is_answered
    rows = (
        questions.annotate(is_answered=Exists(answers))
        .values("automation_id")
        .order_by()
        .annotate(reached=Count("pk", filter=is_reached), answered=Count("pk", filter=is_answered))
    )
    return {
        row["automation_id"]: Asked(reached=row["reached"], answered=row["answered"])
        for row in rows
    }


def _grouped(answers: QuerySet[SurveyAnswer], by: str) -> QuerySet[SurveyAnswer, Any]:
    return (
        answers.values(by)
        .order_by()
        .annotate(
            count=Count("pk"),
            sum=Sum("score"),
            promoters=Count("pk", filter=Q(score__gte=PROMOTERS.start)),
            detractors=Count("pk", filter=Q(score__lt=DETRACTORS.stop)),
        )
    )


def _products(answers: QuerySet[SurveyAnswer]) -> Iterable[Group]:
    rows = _grouped(answers, "product").order_by(F("count").desc(), "product")
    return [_group(row["product"], row) for row in rows[:PRODUCTS_SHOWN]]


def _automations(
    answers: QuerySet[SurveyAnswer], asked: Mapping[int | None, Asked]
) -> Iterable[Group]:
    by = "question__automation_id"
    rows = {row[by]: row for row in _grouped(answers, by)}
    names = dict(
        Automation.objects.filter(pk__in=[pk for pk in {*rows, *asked} if pk]).values_list(
            "pk", "name"
        )
    )
    groups = [
        _group(names.get(pk or 0, ""), rows.get(pk, {}), asked.get(pk, Asked()))
        for pk in {*rows, *asked}
    ]
    return sorted(groups, key=lambda group: (-group.count, group.name))


def _group(name: str, row: Mapping[str, Any], asked: Asked | None = None) -> Group:
    return Group(
        name=name,
        count=row.get("count", 0),
        _sum=row.get("sum", 0),
        _promoters=row.get("promoters", 0),
        _detractors=row.get("detractors", 0),
        asked=asked,
    )


def _low(answers: QuerySet[SurveyAnswer]) -> Sequence[SurveyAnswer]:
    low = answers.filter(score__lte=F("survey__low_score")).defer("comment")
    return list(_with_people(low)[:LOW_SHOWN])


def _words(answers: QuerySet[SurveyAnswer]) -> Sequence[SurveyAnswer]:
    return list(_with_people(answers.exclude(comment=""))[:WORDS_SHOWN])


def _with_people(answers: QuerySet[SurveyAnswer]) -> QuerySet[SurveyAnswer]:
    current = Identity.objects.filter(ended_at__isnull=True).order_by("id")
    return (
        answers.select_related("survey", "contact")
        .prefetch_related(Prefetch("contact__identities", queryset=current))
        .order_by("-answered_at", "-id")
    )
