"""The ledger, its projection, and WhatsApp's own stop."""

import importlib
import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.factories import NOW
from whatsapp_notify import signals
from whatsapp_notify.domain.policy import LawfulBasis, Purpose
from whatsapp_notify.domain.receipts import Action as ReceiptAction
from whatsapp_notify.domain.receipts import Refused
from whatsapp_notify.models import (
    ConsentRecord,
    ConsentState,
    Contact,
    Message,
    ShopEvent,
    Topic,
)
from whatsapp_notify.services import claims, consent, outbox, refusals
from whatsapp_notify.services.consent import Proof

pytestmark = pytest.mark.django_db

Source = ConsentRecord.Source
DAY = timedelta(days=1)
GRANT, WITHDRAW = ConsentRecord.Action.GRANT, ConsentRecord.Action.WITHDRAW


def act(contact: Contact, action: str, *, at: datetime = NOW, **proof: Any) -> list[ConsentRecord]:
    topics = [factories.topic("offers")]
    do = consent.grant if action == GRANT else consent.withdraw
    return do(
        contact=contact,
        topics=topics,
        proof=Proof(**{"source": Source.STAFF, **proof}),
        occurred_at=at,
        now=NOW + timedelta(days=1),
    )


def is_granted(contact: Contact, key: str = "offers") -> bool | None:
    state = ConsentState.objects.filter(contact=contact, topic__key=key).first()
    return state.is_granted if state else None


def fold(contact: Contact) -> bool:
    """What the ledger says: the newest record, and of those of one moment a withdrawal."""
    records = contact.consent_records.filter(topic__key="offers")
    newest = max(records, key=lambda each: (each.occurred_at, each.action == WITHDRAW))
    return newest.action == GRANT


class TestProof:
    def test_f78_keeps_what_the_customer_saw_and_did(self) -> None:
        contact = factories.contact(consents=())

        (record,) = act(
            contact,
            GRANT,
            wording="Yes, write to me.",
            language="fi",
            ip_address="2001:db8::1",
            user_agent="x" * 400,
            recorded_by="clerk",
            evidence={"order_ref": "A1"},
        )

        record.refresh_from_db()
        assert record.wording == "Yes, write to me."
        assert record.wording_version == consent.wording_version("Yes, write to me.")
        assert (record.language, record.ip_address) == ("fi", "2001:db8::1")
        assert len(record.user_agent) == 300
        assert (record.recorded_by, record.evidence) == ("clerk", {"order_ref": "A1"})
        assert record.lawful_basis == "consent"

    def test_version_tells_words_apart(self) -> None:
        assert consent.wording_version("Yes.") != consent.wording_version("Yes!")
        assert consent.wording_version("") == ""

    def test_shows_no_words_in_logs(self) -> None:
        assert repr(Proof(source="checkout", wording="secret", ip_address="192.0.2.1")) == (
            "<Proof checkout>"
        )


class TestOrder:
    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    @pytest.mark.parametrize(
        ("acts", "stands"),
        [
            ([(GRANT, 0), (WITHDRAW, 1), (GRANT, 2)], True),
            ([(WITHDRAW, 0), (GRANT, 1), (WITHDRAW, 2)], False),
            ([(GRANT, 0), (GRANT, 1), (WITHDRAW, 1)], False),
            ([(WITHDRAW, 0), (GRANT, 0), (GRANT, 0)], False),
            ([(WITHDRAW, 0), (GRANT, 1), (GRANT, 1)], True),
        ],
        ids=["start-last", "stop-last", "tie-at-the-end", "tie", "start-twice"],
    )
    def test_f65_f77_time_of_the_act_decides_whatever_the_order(
        self, acts: list[tuple[str, int]], stands: bool, order: tuple[int, ...]
    ) -> None:
        contact = factories.contact(consents=())

        for place in order:
            action, minutes = acts[place]
            act(contact, action, at=NOW + timedelta(minutes=minutes))

        assert is_granted(contact) is stands
        assert contact.consent_records.count() == 3

    def test_f65_start_told_again_after_a_stop_changes_nothing(self) -> None:
        contact = factories.contact(consents=())
        act(contact, GRANT, dedupe_key="start")
        act(contact, WITHDRAW, at=NOW + timedelta(minutes=1))

        repeated = act(contact, GRANT, dedupe_key="start", at=NOW + timedelta(minutes=2))

        assert repeated == []
        assert is_granted(contact) is False
        assert contact.consent_records.count() == 2

    def test_same_key_counts_once_for_each_topic_and_action(self) -> None:
        contact = factories.contact(consents=())
        topics = [factories.topic("offers"), factories.topic("orders")]
        proof = Proof(source=Source.KEYWORD, dedupe_key="inbound:1")

        for _repeat in range(2):
            consent.grant(contact=contact, topics=topics, proof=proof, occurred_at=NOW, now=NOW)

        assert contact.consent_records.count() == 2

    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        acts=st.lists(
            st.tuples(st.sampled_from([GRANT, WITHDRAW]), st.integers(0, 4)), min_size=1, max_size=8
        )
    )
    def test_projection_is_the_fold_of_the_ledger(self, acts: list[tuple[str, int]]) -> None:
        contact = factories.contact(consents=())

        for action, seconds in acts:
            act(contact, action, at=NOW + timedelta(seconds=seconds))
            state = ConsentState.objects.get(contact=contact)
            assert state.is_granted is fold(contact)
            assert state.is_granted is (state.record.action == GRANT)
            assert state.changed_at == state.record.occurred_at


class TestIsDecidedBy:
    def test_newest_record_stands(self) -> None:
        contact = factories.contact(consents=())

        assert consent.is_decided_by(records=act(contact, GRANT))

    def test_overtaken_record_does_not(self) -> None:
        contact = factories.contact(consents=())
        act(contact, WITHDRAW)

        assert not consent.is_decided_by(records=act(contact, GRANT, at=NOW - timedelta(hours=1)))

    def test_nothing_recorded_decides_nothing(self) -> None:
        assert not consent.is_decided_by(records=[])


class TestHasStoppedInChat:
    @pytest.mark.parametrize(
        ("source", "stopped"),
        [(Source.KEYWORD, True), (Source.BUTTON, True), (Source.STAFF, False)],
    )
    def test_only_where_the_customer_wrote_it(self, source: str, stopped: bool) -> None:
        contact = factories.contact()

        consent.withdraw(contact=contact, proof=Proof(source=source), occurred_at=NOW, now=NOW)

        assert consent.has_stopped_in_chat(contact=contact) is stopped

    def test_not_while_one_topic_is_granted(self) -> None:
        contact = factories.contact(consents=("orders",))

        act(contact, WITHDRAW, source=Source.KEYWORD)

        assert not consent.has_stopped_in_chat(contact=contact)

    def test_not_for_somebody_who_never_chose(self) -> None:
        assert not consent.has_stopped_in_chat(contact=factories.contact(consents=()))


class TestWithdraw:
    def test_f76_without_topics_ends_all_that_the_shop_sends_by_itself(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))
        for key in ("service", "feedback"):
            factories.topic(key)

        consent.withdraw(contact=contact, proof=Proof(source="staff"), occurred_at=NOW, now=NOW)

        assert [is_granted(contact, key) for key in ("orders", "offers", "feedback")] == [False] * 3
        assert is_granted(contact, "service") is None

    def test_tells_each_record_after_the_commit(
        self, django_capture_on_commit_callbacks: Any
    ) -> None:
        contact = factories.contact(consents=())
        told: list[int] = []

        def listen(record_id: int, **_rest: Any) -> None:
            told.append(record_id)

        signals.consent_changed.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                (record,) = act(contact, WITHDRAW)
                assert told == []
        finally:
            signals.consent_changed.disconnect(listen)

        assert told == [record.pk]


class TestStopOfEverything:
    """Who has stopped everything gets nothing of a topic that was added since."""

    @pytest.fixture
    def contact(self) -> Contact:
        return factories.contact(consents=("orders", "offers"))

    def say(
        self,
        contact: Contact,
        action: str,
        *,
        minutes: int = 0,
        topics: list[Topic] | None = None,
        source: str = Source.KEYWORD,
    ) -> None:
        at = NOW + timedelta(minutes=minutes)
        proof = Proof(source=source)
        if action == WITHDRAW:
            consent.withdraw(
                contact=contact, topics=topics, proof=proof, occurred_at=at, now=at + DAY
            )
        else:
            topics = consent.offered_topics() if topics is None else topics
            consent.grant(contact=contact, topics=topics, proof=proof, occurred_at=at, now=at + DAY)

    def added(self, basis: str = LawfulBasis.CONTRACT, **fields: Any) -> Topic:
        return Topic.objects.create(
            **{
                "key": f"news{Topic.objects.count()}",
                "name": "News",
                "purpose": Purpose.DELIVERY,
                "lawful_basis": basis,
                "is_offered": False,
                **fields,
            }
        )

    def message(self, contact: Contact, topic: Topic) -> Message:
        at = NOW + 2 * DAY
        draft = factories.draft(contact, now=at, topic=topic)
        outbox.enqueue(messages=[draft], now=at)
        return Message.objects.get(key=draft.key)

    def leaves(self, contact: Contact, topic: Topic) -> bool:
        return self.message(contact, topic).state == "queued"

    @pytest.mark.parametrize("basis", [LawfulBasis.CONTRACT, LawfulBasis.LEGITIMATE_INTEREST])
    @pytest.mark.parametrize("source", [Source.KEYWORD, Source.BUTTON, Source.API, Source.STAFF])
    def test_counts_for_a_topic_that_comes_later(
        self, contact: Contact, basis: str, source: str
    ) -> None:
        self.say(contact, WITHDRAW, source=source)

        message = self.message(contact, self.added(basis))

        seen = {name: evidence for name, _outcome, evidence in message.checks_made}
        assert (message.state, message.reason) == ("blocked", "consent")
        assert seen["consent"]["everything_stopped_at"] == NOW.isoformat()

    def test_counts_for_what_waits_in_the_outbox(self, contact: Contact) -> None:
        message = self.message(contact, self.added())
        Contact.objects.update(everything_stopped_at=NOW)

        assert claims.claim(limit=5, now=NOW + 2 * DAY).calls == []

        message.refresh_from_db()
        assert message.reason == "consent"

    def test_counts_where_all_topics_are_named(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW, topics=list(Topic.objects.all()), source=Source.API)

        assert not self.leaves(contact, self.added())

    def test_is_proved_by_the_ledger(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW)

        records = contact.consent_records.filter(action=WITHDRAW)
        assert [record.evidence for record in records] == [{"everything": True}] * 2

    def test_of_some_topics_is_none(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW, topics=[factories.topic("offers")])

        assert self.leaves(contact, self.added())

    def test_of_promotions_is_none_where_the_shop_has_nothing_else(self) -> None:
        contact = factories.contact(consents=("offers",))
        assert not Topic.objects.exclude(purpose=Purpose.PROMOTION).exists()

        self.say(contact, WITHDRAW, topics=consent.promotion_topics())

        assert self.leaves(contact, self.added())

    def test_of_marketing_at_whatsapp_is_none(self) -> None:
        contact = factories.contact(consents=("offers",))

        consent.stop_marketing(
            contact=contact, proof=Proof(source=Source.PROVIDER), occurred_at=NOW, now=NOW
        )

        assert self.leaves(contact, self.added())

    def test_ends_with_a_start_in_the_chat(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW)
        topic = self.added()

        self.say(contact, GRANT, minutes=1)

        assert self.leaves(contact, topic)

    def test_does_not_end_with_a_box_that_speaks_of_one_topic(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW)
        topic = self.added()

        self.say(
            contact, GRANT, minutes=1, topics=[factories.topic("orders")], source=Source.CHECKOUT
        )

        assert not self.leaves(contact, topic)
        assert self.leaves(contact, factories.topic("orders"))

    def test_ends_for_the_topic_that_is_agreed_to(self, contact: Contact) -> None:
        self.say(contact, WITHDRAW)
        topic = self.added()

        self.say(contact, GRANT, minutes=1, topics=[topic], source=Source.CHECKOUT)

        assert self.leaves(contact, topic)

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    @pytest.mark.parametrize(
        ("acts", "stopped_minute"),
        [
            ([(WITHDRAW, 0), (GRANT, 1), (WITHDRAW, 2)], 2),
            ([(GRANT, 0), (WITHDRAW, 1), (GRANT, 2)], None),
            ([(GRANT, 0), (WITHDRAW, 1), (GRANT, 1)], 1),
            ([(WITHDRAW, 0), (WITHDRAW, 1), (GRANT, 1)], 1),
        ],
        ids=["stop-last", "start-last", "tie", "stop-twice"],
    )
    def test_time_decides_whatever_the_order(
        self,
        contact: Contact,
        acts: list[tuple[str, int]],
        stopped_minute: int | None,
        order: tuple[int, ...],
    ) -> None:
        for place in order:
            action, minutes = acts[place]
            self.say(contact, action, minutes=minutes)

        contact.refresh_from_db()
        until = None if stopped_minute is None else NOW + timedelta(minutes=stopped_minute)
        assert contact.everything_stopped_at == until

    @pytest.mark.parametrize(
        ("key", "source", "stops"),
        [
            ("inbound:7:{pk}", Source.KEYWORD, True),
            ("inbound:7", Source.KEYWORD, False),
            ("", Source.PROVIDER, False),
        ],
        ids=["stop", "no-promotions", "whatsapp"],
    )
    @pytest.mark.parametrize("started", [False, True])
    def test_of_older_versions_is_found_by_the_migration(
        self, contact: Contact, key: str, source: str, stops: bool, started: bool
    ) -> None:
        topics = [factories.topic("offers")]
        added = self.added()
        proof = Proof(source=source, dedupe_key=key.format(pk=contact.pk))
        consent.withdraw(contact=contact, topics=topics, proof=proof, occurred_at=NOW, now=NOW)
        if started:
            self.say(contact, GRANT, minutes=1, topics=topics)

        self.migrate()

        assert self.leaves(contact, added) is not (stops and not started)

    def test_of_older_versions_over_the_api_is_found_where_it_names_all_topics(
        self, contact: Contact
    ) -> None:
        self.say(contact, WITHDRAW, source=Source.API)
        Contact.objects.update(everything_stopped_at=None)

        self.migrate()

        contact.refresh_from_db()
        assert contact.everything_stopped_at == NOW

    def test_of_older_versions_over_the_api_is_none_where_all_topics_are_promotions(self) -> None:
        contact = factories.contact(consents=("offers",))
        self.say(contact, WITHDRAW, topics=consent.promotion_topics(), source=Source.API)

        self.migrate()

        contact.refresh_from_db()
        assert contact.everything_stopped_at is None

    def migrate(self) -> None:
        name = "whatsapp_notify.migrations.0014_stop_of_everything"
        importlib.import_module(name).keep_known_stops(apps, None)


class TestJoin:
    def test_first_consent_to_promotions_is_told_once(self) -> None:
        contact = factories.contact(consents=())

        act(contact, GRANT)
        act(contact, GRANT, at=NOW + timedelta(minutes=1))

        event = ShopEvent.objects.get(name="customer.joined")
        assert (event.contact_id, event.occurred_at) == (contact.pk, NOW)

    def test_consent_to_orders_joins_nothing(self) -> None:
        factories.contact(consents=("orders",))

        assert not ShopEvent.objects.exists()

    def test_f65_old_start_behind_a_stop_joins_nothing(self) -> None:
        contact = factories.contact(consents=())
        act(contact, WITHDRAW)

        act(contact, GRANT, at=NOW - timedelta(hours=1))

        assert not ShopEvent.objects.exists()


class TestMarketing:
    def stop(self, contact: Contact, *, minutes: int, key: str = "") -> None:
        consent.stop_marketing(
            contact=contact,
            proof=Proof(source=Source.PROVIDER, dedupe_key=key),
            occurred_at=NOW + timedelta(minutes=minutes),
            now=NOW + timedelta(days=1),
        )

    def resume(self, contact: Contact, *, minutes: int) -> None:
        consent.resume_marketing(contact=contact, occurred_at=NOW + timedelta(minutes=minutes))

    def test_f72_stop_withdraws_promotions_alone(self) -> None:
        contact = factories.contact(consents=("orders", "offers"))

        self.stop(contact, minutes=0)

        contact.refresh_from_db()
        assert contact.marketing_stopped_at == NOW
        assert is_granted(contact, "offers") is False
        assert is_granted(contact, "orders") is True

    def test_f72_resume_does_not_give_back_what_was_withdrawn_from_the_shop(self) -> None:
        contact = factories.contact(consents=("offers",))
        self.stop(contact, minutes=0)

        self.resume(contact, minutes=1)

        contact.refresh_from_db()
        assert contact.marketing_stopped_at is None
        assert is_granted(contact) is False

    @pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
    @pytest.mark.parametrize(
        ("news", "stopped_minute"),
        [
            ([("stop", 0), ("resume", 1), ("stop", 2)], 2),
            ([("resume", 0), ("stop", 1), ("resume", 2)], None),
            ([("stop", 1), ("resume", 1), ("resume", 0)], 1),
        ],
        ids=["stop-last", "resume-last", "tie"],
    )
    def test_f72_time_decides_whatever_the_order(
        self, news: list[tuple[str, int]], stopped_minute: int | None, order: tuple[int, ...]
    ) -> None:
        contact = factories.contact(consents=("offers",))

        for place in order:
            word, minutes = news[place]
            if word == "stop":
                self.stop(contact, minutes=minutes, key=f"stop:{minutes}")
            else:
                self.resume(contact, minutes=minutes)

        contact.refresh_from_db()
        until = None if stopped_minute is None else NOW + timedelta(minutes=stopped_minute)
        assert contact.marketing_stopped_at == until
        assert is_granted(contact) is False

    def test_f47_refusal_told_again_after_a_resume_changes_nothing(self) -> None:
        contact = factories.contact(consents=("offers",))
        message = factories.queued(contact, key="offers")
        message.failed_at = NOW
        refused = Refused(action=ReceiptAction.STOP_MARKETING, code=131050)
        refusals.take_effect(refused=[(message, refused)], now=NOW)
        self.resume(contact, minutes=1)

        refusals.take_effect(refused=[(message, refused)], now=NOW + timedelta(minutes=2))

        contact.refresh_from_db()
        assert contact.marketing_stopped_at is None
        assert is_granted(contact) is False

    def test_works_where_the_shop_has_no_promotions(self) -> None:
        contact = factories.contact()

        self.stop(contact, minutes=0, key="told")

        contact.refresh_from_db()
        assert contact.marketing_stopped_at == NOW


class TestOfferedTopics:
    def test_most_useful_first_and_never_service(self) -> None:
        for key in ("offers", "service", "feedback", "orders"):
            factories.topic(key)

        offered = [topic.key for topic in consent.offered_topics()]

        assert offered == ["orders", "feedback", "offers"]
