"""Templates: ours handed in, Meta's taken over."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests import factories, shop
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.backends.cloud_api import graph_client
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.models import Message, Template
from whatsapp_notify.services import starter, templates

pytestmark = pytest.mark.django_db


class FakeGraph:
    """Meta's list of templates, and what it says to new ones."""

    def __init__(
        self, *listed: Mapping[str, Any], answers: Mapping[str, Any] | None = None
    ) -> None:
        self.listed = [dict(each) for each in listed]
        self.answers = answers or {}
        self.created: list[str] = []

    def list_templates(self) -> list[dict[str, Any]]:
        return self.listed

    def create_template(self, *, definition: Mapping[str, Any]) -> dict[str, Any]:
        self.created.append(definition["name"])
        answer = self.answers.get(definition["name"], {"id": 1, "status": "PENDING"})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


def at_meta(name: str = "order_shipped", **fields: Any) -> dict[str, Any]:
    return {
        "id": "1689556908129832",
        "name": name,
        "language": "en",
        "category": "UTILITY",
        "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Hello."}],
        **fields,
    }


def sync(*listed: Mapping[str, Any]) -> templates.Synced:
    return templates.sync(now=NOW, client=FakeGraph(*listed))  # type: ignore[arg-type]


def submit(*rows: Template, **answers: Any) -> list[templates.Submission]:
    graph = FakeGraph(answers=answers)
    return list(templates.submit(templates=rows, now=NOW, client=graph))  # type: ignore[arg-type]


def refusal(detail: str) -> GraphError:
    return GraphError(code=100, http_status=400, detail=detail)


class TestSync:
    def test_takes_over_what_is_new(self) -> None:
        found = sync(
            at_meta(
                parameter_format="NAMED", quality_score={"score": "GREEN"}, rejected_reason="NONE"
            )
        )

        row = Template.objects.get()
        assert (found.seen, found.changed, found.gone) == (1, 1, 0)
        assert (row.name, row.language, row.category) == ("order_shipped", "en", "UTILITY")
        assert (row.status, row.quality, row.rejected_reason) == ("APPROVED", "GREEN", "")
        assert (row.parameter_format, row.meta_id) == ("named", "1689556908129832")
        assert (row.components, row.synced_at) == ([{"type": "BODY", "text": "Hello."}], NOW)

    def test_same_again_changes_nothing(self) -> None:
        sync(at_meta())

        assert sync(at_meta()).changed == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"category": "MARKETING"},
            {"status": "PAUSED"},
            {"components": []},
            {"quality_score": {"score": "RED"}},
            {"rejected_reason": "SCAM"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_takes_over_what_has_changed(self, change: dict[str, Any]) -> None:
        sync(at_meta())

        assert sync(at_meta(**change)).changed == 1

    @pytest.mark.parametrize("missing", ["quality_score", "rejected_reason", "parameter_format"])
    def test_reads_nulls(self, missing: str) -> None:
        sync(at_meta(**{missing: None}))

        assert Template.objects.get().parameter_format == "positional"

    def test_what_meta_has_no_more_is_marked_and_kept(self) -> None:
        sync(at_meta(), at_meta("gone"))

        found = sync(at_meta())

        assert found.gone == 1
        assert Template.objects.get(name="gone").status == "DELETED"
        assert sync(at_meta()).gone == 0

    def test_draft_is_not_gone(self) -> None:
        factories.template(status="DRAFT")

        assert sync().gone == 0
        assert Template.objects.get().status == "DRAFT"

    def test_what_comes_back_is_taken_over(self) -> None:
        sync(at_meta())
        sync()

        assert sync(at_meta()).changed == 1
        assert Template.objects.get().is_sendable

    def test_languages_are_templates_of_their_own(self) -> None:
        sync(at_meta(), at_meta(language="fi"))

        sync(at_meta(), at_meta(language="fi", status="PAUSED"))

        assert Template.objects.get(language="en").is_sendable
        assert not Template.objects.get(language="fi").is_sendable

    def test_long_values_are_cut(self) -> None:
        sync(at_meta(rejected_reason="x" * 500, status="STATUS_OF_TOMORROW_AND_MORE"))

        assert len(Template.objects.get().rejected_reason) == 200

    @pytest.mark.parametrize(
        "stopped",
        [{"status": "PAUSED"}, {"stopped_at": NOW, "stopped_code": 132015}],
        ids=["paused", "stopped"],
    )
    @pytest.mark.django_db(transaction=True)
    def test_approved_again_wakes_what_waits(self, stopped: dict[str, Any]) -> None:
        template = factories.template("template_orders", **stopped)
        waiting = factories.queued(template=template)
        assert waiting.reason == "template"
        Message.objects.update(due_at=NOW + timedelta(minutes=15))
        rung: list[bool] = []

        def listen(**_rest: Any) -> None:
            rung.append(True)

        signals.messages_due.connect(listen)
        try:
            sync(at_meta("template_orders", components=template.components))
        finally:
            signals.messages_due.disconnect(listen)

        waiting.refresh_from_db()
        template.refresh_from_db()
        assert template.is_sendable
        assert waiting.due_at == NOW
        assert rung

    def test_refusal_changes_nothing(self) -> None:
        sync(at_meta())

        class Refusing(FakeGraph):
            def list_templates(self) -> list[dict[str, Any]]:
                raise refusal("The token has expired.")

        with pytest.raises(GraphError):
            templates.sync(now=NOW, client=Refusing())  # type: ignore[arg-type]

        assert Template.objects.get().is_sendable


class TestSubmit:
    def test_keeps_what_meta_made_of_it(self) -> None:
        row = factories.template(status="DRAFT")

        (told,) = submit(
            row, order_shipped={"id": 7, "status": "APPROVED", "category": "MARKETING"}
        )

        row.refresh_from_db()
        assert told.problem == ""
        assert (row.status, row.category, row.meta_id) == ("APPROVED", "MARKETING", "7")
        assert row.synced_at == NOW

    def test_answer_without_words_means_in_review(self) -> None:
        row = factories.template(status="DRAFT")

        submit(row, order_shipped={"id": 7})

        row.refresh_from_db()
        assert (row.status, row.category) == ("PENDING", "UTILITY")

    def test_one_that_is_refused_does_not_stop_the_others(self) -> None:
        rows = [factories.template(name, status="DRAFT") for name in ("one", "two", "three")]

        told = submit(*rows, two=refusal("Example values are missing."))

        assert [each.problem for each in told] == ["", "Example values are missing.", ""]
        assert list(Template.objects.order_by("id").values_list("status", flat=True)) == [
            "PENDING",
            "DRAFT",
            "PENDING",
        ]

    def test_silence_keeps_what_was_taken_before(self) -> None:
        rows = [factories.template(name, status="DRAFT") for name in ("one", "two", "three")]

        with pytest.raises(GraphUnavailable):
            submit(*rows, two=GraphUnavailable("No connection."))

        assert list(Template.objects.order_by("id").values_list("status", flat=True)) == [
            "PENDING",
            "DRAFT",
            "DRAFT",
        ]


class TestResume:
    def test_sends_again_and_wakes_what_waits(self) -> None:
        template = factories.template("template_orders", stopped_at=NOW, stopped_code=132000)
        waiting = factories.queued(template=template)
        Message.objects.update(due_at=NOW + timedelta(minutes=15))

        resumed = templates.resume(stopped=[template], now=NOW)

        template.refresh_from_db()
        waiting.refresh_from_db()
        assert resumed == {template.pk}
        assert template.is_sendable
        assert template.stopped_code is None
        assert waiting.due_at == NOW

    @pytest.mark.parametrize(
        "stopped_at", [None, NOW + timedelta(microseconds=1)], ids=["resumed", "stopped again"]
    )
    def test_leaves_what_has_moved_on_since_it_was_looked_at(
        self, stopped_at: datetime | None
    ) -> None:
        moved, seen = (
            factories.template(name, stopped_at=NOW, stopped_code=132000)
            for name in ("template_moved", "template_seen")
        )
        waiting = factories.queued(template=moved)
        later = NOW + timedelta(minutes=15)
        Message.objects.update(due_at=later)
        Template.objects.filter(pk=moved.pk).update(stopped_at=stopped_at, stopped_code=132015)

        resumed = templates.resume(stopped=[moved, seen], now=NOW)

        moved.refresh_from_db()
        waiting.refresh_from_db()
        assert resumed == {seen.pk}
        assert (moved.stopped_at, moved.stopped_code) == (stopped_at, 132015)
        assert waiting.due_at == later


class TestWakeWaiting:
    @pytest.mark.parametrize(
        "fields",
        [
            {"reason": "quiet_hours"},
            {"is_pending": False},
            {"template_language": "fi"},
            {"template_name": "another"},
        ],
        ids=lambda fields: next(iter(fields)),
    )
    def test_leaves_what_waits_for_something_else(self, fields: dict[str, Any]) -> None:
        factories.queued()
        later = NOW + timedelta(minutes=15)
        Message.objects.update(**{"reason": "template", "due_at": later, **fields})

        assert templates.wake_waiting(name="template_orders", language="en", now=NOW) == 0
        assert Message.objects.get().due_at == later


@pytest.mark.django_db(transaction=True)
class TestWithSimulator:
    """Against the Graph of the simulator, over HTTP."""

    @pytest.fixture
    def graph(self, live_server: Any, settings: Any) -> Iterator[GraphClient]:
        settings.WHATSAPP_NOTIFY = shop.configured(GRAPH_URL=f"{live_server.url}/simulator/graph")
        client = graph_client()
        yield client
        client.close()

    def test_what_is_handed_in_comes_back_as_it_was(self, graph: GraphClient) -> None:
        starter.install(now=NOW, base_url="https://shop.example")
        drafts = list(Template.objects.order_by("id"))
        words = {row.pk: json.dumps(row.components) for row in drafts}

        told = list(templates.submit(templates=drafts, now=NOW, client=graph))
        found = templates.sync(now=NOW, client=graph)

        assert [each.problem for each in told] == [""] * len(drafts)
        assert (found.seen, found.gone) == (len(drafts), 0)
        for row in Template.objects.all():
            assert row.status == "APPROVED"
            assert json.dumps(row.components) == words[row.pk]

    def test_second_template_of_a_name_is_refused_and_the_next_one_taken(
        self, graph: GraphClient
    ) -> None:
        rows = [factories.template(name, status="DRAFT") for name in ("one", "two")]
        list(templates.submit(templates=rows[:1], now=NOW, client=graph))

        told = list(templates.submit(templates=rows, now=NOW, client=graph))

        assert [bool(each.problem) for each in told] == [True, False]
