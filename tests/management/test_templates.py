"""whatsapp_templates"""

from typing import Any

import pytest
from django.core.management import CommandError

from tests import factories, shop
from tests.factories import NOW
from tests.management.conftest import Run
from whatsapp_notify.cloud_api.client import GraphClient
from whatsapp_notify.cloud_api.exceptions import GraphError, GraphUnavailable
from whatsapp_notify.models import Template
from whatsapp_notify.simulator.models import SimulatedTemplate

pytestmark = pytest.mark.django_db(transaction=True)

DRAFT = Template.Status.DRAFT


class TestList:
    def test_shows_each_template_with_its_state(self, run: Run) -> None:
        factories.template("order_shipped", "fi", quality="GREEN")
        factories.template("welcome", "en", status="REJECTED", stopped_at=NOW, stopped_code=132015)

        lines = run("whatsapp_templates", "list").splitlines()

        assert lines[1].split() == ["order_shipped", "fi", "UTILITY", "APPROVED", "GREEN"]
        assert "REJECTED (stopped, code 132015)" in lines[2]


class TestSubmit:
    def test_hands_over_drafts_only(self, run: Run, graph: str) -> None:
        factories.template("draft_one", status=DRAFT)
        factories.template("approved_one")

        said = run("whatsapp_templates", "submit")

        assert [row.name for row in SimulatedTemplate.objects.all()] == ["draft_one"]
        assert Template.objects.get(name="draft_one").status == "APPROVED"
        assert "Templates in review: 1 of 1." in said

    def test_hands_over_only_the_named_ones(self, run: Run, graph: str) -> None:
        factories.template("draft_one", status=DRAFT)
        factories.template("draft_two", status=DRAFT)

        run("whatsapp_templates", "submit", "draft_two")

        assert Template.objects.get(name="draft_one").status == DRAFT
        assert Template.objects.get(name="draft_two").status == "APPROVED"

    def test_refuses_a_name_that_is_not_there(self, run: Run, graph: str) -> None:
        with pytest.raises(CommandError, match="no template nothing_like_it"):
            run("whatsapp_templates", "submit", "nothing_like_it")

    def test_keeps_back_what_meta_would_reject_and_hands_over_the_rest(
        self, run: Run, graph: str
    ) -> None:
        body = {"type": "BODY", "text": "{{1}} begins.", "example": {"body_text": [["Customer"]]}}
        factories.template("bad_one", status=DRAFT, components=[body])
        factories.template("good_one", status=DRAFT)

        with pytest.raises(CommandError, match=r"bad_one \(en\): body variable_at_start"):
            run("whatsapp_templates", "submit")

        assert [row.name for row in SimulatedTemplate.objects.all()] == ["good_one"]
        assert Template.objects.get(name="bad_one").status == DRAFT

    def test_tells_what_graph_refused(self, run: Run, graph: str) -> None:
        factories.template("draft_one", status=DRAFT)
        run("whatsapp_templates", "submit")
        Template.objects.update(status=DRAFT)

        with pytest.raises(CommandError, match=r"draft_one \(en\): .+"):
            run("whatsapp_templates", "submit")

    def test_tells_when_graph_is_not_to_be_reached(self, run: Run, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(GRAPH_URL="http://127.0.0.1:9")
        factories.template("draft_one", status=DRAFT)

        with pytest.raises(CommandError, match="run this again"):
            run("whatsapp_templates", "submit")

        assert Template.objects.get().status == DRAFT

    def test_tells_what_was_taken_and_refused_before_graph_fell_silent(
        self, run: Run, graph: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("taken", "refused", "later"):
            factories.template(name, status=DRAFT)
        create = GraphClient.create_template

        def falls_silent(client: GraphClient, *, definition: dict[str, Any]) -> dict[str, Any]:
            match definition["name"]:
                case "refused":
                    raise GraphError(code=100, http_status=400, detail="Too many words.")
                case "later":
                    raise GraphUnavailable("No connection.")
                case _:
                    return create(client, definition=definition)

        monkeypatch.setattr(GraphClient, "create_template", falls_silent)

        with pytest.raises(CommandError, match="run this again") as raised:
            run("whatsapp_templates", "submit")

        assert "refused (en): Too many words." in str(raised.value)
        assert Template.objects.get(name="taken").status == "APPROVED"


class TestSync:
    def test_copies_what_graph_has(self, run: Run, graph: str) -> None:
        factories.template("draft_one", status=DRAFT)
        run("whatsapp_templates", "submit")
        SimulatedTemplate.objects.update(status="PAUSED")

        said = run("whatsapp_templates", "sync")

        assert Template.objects.get().status == "PAUSED"
        assert said == "Templates at Meta: 1; changed here: 1; gone at Meta: 0.\n"

    def test_tells_when_graph_refuses(self, run: Run, graph: str, settings: Any) -> None:
        settings.WHATSAPP_NOTIFY = shop.configured(GRAPH_URL=graph, ACCESS_TOKEN="wrong")

        with pytest.raises(CommandError, match="code 190"):
            run("whatsapp_templates", "sync")
