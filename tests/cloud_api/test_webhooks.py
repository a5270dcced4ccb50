"""Meta's webhooks, read into frozen values."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp_notify.cloud_api.webhooks import MalformedBody, Parsed, contents, notices, parse
from whatsapp_notify.cloud_api.webhooks.reading import Problem

PAYLOADS = Path(__file__).parent / "payloads"
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
COLLECTIONS = ("statuses", "messages", "preferences", "notices", "unknown", "malformed")

USER_ID = "US.13491208655302741918"
TEMPLATE = {
    "template_id": "1689556908129832",
    "name": "order_shipped",
    "language": "en_US",
    "happened_at": datetime(2025, 2, 12, 0, 43, 44, tzinfo=UTC),
}

#: payload: (collection, attributes as dotted paths)
EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "text": (
        "messages",
        {
            "kind": "text",
            "content.body": "Does it come in another colour?",
            "provider_message_id": "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRB",
            "sent_at": datetime(2025, 6, 8, 20, 59, 43, tzinfo=UTC),
            "business_account_id": "102290129340398",
            "phone_number_id": "106540352242922",
            "display_phone_number": "15550783881",
            "person.wa_id": "16505551234",
            "person.user_id": USER_ID,
            "person.username": "customer.one",
            "person.profile_name": "Customer One",
            "context": None,
            "referral": None,
            "errors": (),
        },
    ),
    "text_from_advertisement": (
        "messages",
        {
            "referral.source_type": "ad",
            "referral.source_id": "120226305854810726",
            "referral.headline": "Chat with us",
            "referral.media_url": "https://scontent.example.com/a.jpg",
            "referral.click_id": "Aff-n8ZTODiE79d22KtAwQKj9e",
            "referral.welcome_text": "Hi! How can we help?",
        },
    ),
    "text_about_product": (
        "messages",
        {
            "context.provider_message_id": "wamid.PRODUCT",
            "context.wa_id": "15550783881",
            "context.catalog_id": "194836987003835",
            "context.product_retailer_id": "di9ozbzfi4",
            "context.is_forwarded": False,
        },
    ),
    "text_forwarded": (
        "messages",
        {"context.is_forwarded": True, "context.is_frequently_forwarded": False},
    ),
    "text_forwarded_often": (
        "messages",
        {"context.is_forwarded": True, "context.is_frequently_forwarded": True},
    ),
    "text_without_phone": (
        "messages",
        {
            "person.wa_id": "",
            "person.user_id": USER_ID,
            "person.parent_user_id": "US.ENT.11815799212886844830",
            "person.username": "customer.two",
            "person.profile_name": "Customer Two",
            "content.body": "STOP",
        },
    ),
    "text_with_user_id_in_from": (
        "messages",
        {
            "person.wa_id": "",
            "person.user_id": USER_ID,
            "person.profile_name": "Customer Two",
        },
    ),
    "text_in_group": ("messages", {"group_id": "Y2FwaV9ncm91cDox", "person.wa_id": "16505551234"}),
    "button": (
        "messages",
        {
            "kind": "button",
            "content": contents.ButtonTap(payload="unsubscribe", label="Stop promotions"),
            "context.provider_message_id": "wamid.TEMPLATE",
        },
    ),
    "button_without_payload": (
        "messages",
        {
            "content": contents.ButtonTap(payload="Stop promotions", label="Stop promotions"),
            "context": None,
        },
    ),
    "button_reply": (
        "messages",
        {"content": contents.ButtonReply(reply_id="cancel-button", title="Cancel")},
    ),
    "list_reply": (
        "messages",
        {
            "content": contents.ListReply(
                reply_id="priority_express", title="Express", description="Next day"
            )
        },
    ),
    "flow_reply": (
        "messages",
        {
            "content.name": "flow",
            "content.body": "Sent",
            "content.data": {"flow_token": "abc", "rating": 5},
        },
    ),
    "flow_reply_without_object": (
        "messages",
        {"content.response_json": '"done"', "content.data": None},
    ),
    "interactive_of_a_new_kind": (
        "messages",
        {"kind": "interactive", "content.raw.type": "interactive"},
    ),
    "image": (
        "messages",
        {
            "content.kind": "image",
            "content.media_id": "1003383421387256",
            "content.mime_type": "image/jpeg",
            "content.caption": "It arrived broken",
            "content.url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
        },
    ),
    "video": ("messages", {"content.kind": "video", "content.media_id": "2003"}),
    "audio": ("messages", {"content.kind": "audio", "content.is_voice": True}),
    "document": ("messages", {"content.kind": "document", "content.filename": "invoice.pdf"}),
    "sticker": ("messages", {"content.kind": "sticker", "content.is_animated": True}),
    "location": (
        "messages",
        {
            "content": contents.Location(
                latitude=37.483253,
                longitude=-122.149744,
                name="Pick-up point",
                address="1 Main Street",
                url="https://example.com/place",
            )
        },
    ),
    "contacts": (
        "messages",
        {
            "content.cards": (
                contents.ContactCard(
                    name="Customer One",
                    phones=("+1 650-555-1234",),
                    wa_ids=("16505551234",),
                    origin="contact_request",
                    vcard="BEGIN:VCARD\nEND:VCARD",
                ),
            )
        },
    ),
    "order": (
        "messages",
        {
            "content": contents.Order(
                catalog_id="194836987003835",
                text="Please gift-wrap",
                items=(
                    contents.OrderItem(
                        product_retailer_id="di9ozbzfi4",
                        quantity=2,
                        item_price="30.5",
                        currency="USD",
                    ),
                    contents.OrderItem(
                        product_retailer_id="nqryix03ez",
                        quantity=1,
                        item_price="25",
                        currency="USD",
                    ),
                ),
            )
        },
    ),
    "reaction": (
        "messages",
        {
            "content.provider_message_id": "wamid.OURS",
            "content.emoji": "\U0001f44d",
            "content.is_removal": False,
        },
    ),
    "reaction_removed": ("messages", {"content.emoji": "", "content.is_removal": True}),
    "reaction_removed_as_empty": ("messages", {"content.emoji": "", "content.is_removal": True}),
    "system_number_changed": (
        "messages",
        {
            "content.kind": "user_changed_number",
            "content.wa_id": "12195555358",
            "content.previous_wa_id": "16505551234",
            "content.user_id": "US.22491208655302741999",
            "content.previous_user_id": USER_ID,
        },
    ),
    "system_user_id_changed": (
        "messages",
        {
            "content.kind": "user_changed_user_id",
            "content.wa_id": "",
            "content.user_id": "US.22491208655302741999",
            "content.previous_user_id": USER_ID,
            "content.parent_user_id": "US.ENT.2",
            "content.previous_parent_user_id": "US.ENT.1",
            "person.is_identified": False,
        },
    ),
    "system_of_old_versions": (
        "messages",
        {
            "content.kind": "user_changed_number",
            "content.wa_id": "12195555358",
            "content.previous_wa_id": "16505551234",
        },
    ),
    "system_identity_changed": (
        "messages",
        {
            "content.kind": "customer_identity_changed",
            "content.identity_key_hash": "DF2lS5v2W6x=",
            "content.wa_id": "",
        },
    ),
    "unsupported": (
        "messages",
        {
            "content": contents.Unsupported(kind="poll"),
            "errors": (
                Problem(
                    code=131051,
                    title="Message type unknown",
                    message="Message type unknown",
                    details="Message type is currently not supported.",
                ),
            ),
        },
    ),
    "request_welcome": ("messages", {"content": contents.WelcomeRequest()}),
    "edit": (
        "messages",
        {
            "content": contents.Edit(
                original_provider_message_id="wamid.FIRST",
                content=contents.Text(body="Corrected"),
            )
        },
    ),
    "revoke": (
        "messages",
        {"content": contents.Revoke(original_provider_message_id="wamid.FIRST")},
    ),
    "type_of_tomorrow": ("messages", {"kind": "hologram", "content.raw.hologram": {"depth": 3}}),
    "status_sent": (
        "statuses",
        {
            "status": "sent",
            "provider_message_id": "wamid.OURS",
            "happened_at": datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC),
            "opaque_id": "wn1.i.1.t.1",
            "person.wa_id": "16505551234",
            "person.user_id": USER_ID,
            "person.profile_name": "Customer One",
            "pricing": {
                "billable": True,
                "pricing_model": "PMP",
                "type": "regular",
                "category": "marketing",
            },
            "errors": (),
            "error_code": None,
        },
    ),
    "status_delivered": (
        "statuses",
        {
            "status": "delivered",
            "opaque_id": "",
            "pricing.category": "authentication-international",
            "person.username": "customer.one",
        },
    ),
    "status_read": ("statuses", {"status": "read", "pricing": {}}),
    "status_played": (
        "statuses",
        {"status": "played", "happened_at": datetime(2025, 6, 15, 23, 27, 53, tzinfo=UTC)},
    ),
    "status_failed": (
        "statuses",
        {"status": "failed", "error_code": 131049, "opaque_id": "wn1.i.1.t.1"},
    ),
    "status_without_phone": (
        "statuses",
        {
            "person.wa_id": "",
            "person.user_id": USER_ID,
            "person.parent_user_id": "US.ENT.11815799212886844830",
        },
    ),
    "status_of_group": (
        "statuses",
        {
            "recipient_type": "group",
            "person.wa_id": "16505551234",
        },
    ),
    "status_of_tomorrow": ("statuses", {"status": "warning"}),
    "errors_of_the_value": (
        "notices",
        {"__class__": notices.ValueErrorNotice, "phone_number_id": "106540352242922"},
    ),
    "preference_stop": (
        "preferences",
        {
            "value": "stop",
            "category": "marketing_messages",
            "changed_at": datetime(2024, 11, 15, 21, 22, 1, tzinfo=UTC),
            "detail": "User requested to stop marketing messages",
            "person.wa_id": "16505551234",
            "person.user_id": USER_ID,
            "phone_number_id": "106540352242922",
        },
    ),
    "preference_resume": (
        "preferences",
        {"value": "resume", "changed_at": datetime(2024, 11, 15, 21, 22, 1, tzinfo=UTC)},
    ),
    "preference_signup": (
        "preferences",
        {
            "value": "signup",
            "signup_id": "77",
            "person.wa_id": "",
            "person.user_id": USER_ID,
            "person.username": "customer.two",
        },
    ),
    "template_approved": (
        "notices",
        {
            **TEMPLATE,
            "__class__": notices.TemplateStatusChange,
            "event": "APPROVED",
            "category": "UTILITY",
            "reason": "",
        },
    ),
    "template_rejected": (
        "notices",
        {
            **TEMPLATE,
            "event": "REJECTED",
            "reason": "INVALID_FORMAT",
            "recommendation": "Put words between them.",
        },
    ),
    "template_paused": (
        "notices",
        {**TEMPLATE, "event": "PAUSED", "reason": "", "title": "FIRST_PAUSE"},
    ),
    "template_disabled": ("notices", {**TEMPLATE, "event": "DISABLED", "disable_date": "DATE"}),
    "template_quality": (
        "notices",
        {
            **TEMPLATE,
            "__class__": notices.TemplateQualityChange,
            "previous_quality": "GREEN",
            "new_quality": "YELLOW",
        },
    ),
    "template_quality_mislabelled": (
        "notices",
        {
            **TEMPLATE,
            "__class__": notices.TemplateQualityChange,
            "field": "message_template_status_update",
            "new_quality": "RED",
        },
    ),
    "template_components": (
        "notices",
        {
            **TEMPLATE,
            "__class__": notices.TemplateComponentsChange,
            "body": "Your order {{1}} is on its way.",
            "header": "Shipped",
            "footer": "Thank you",
        },
    ),
    "template_category_announced": (
        "notices",
        {
            **TEMPLATE,
            "__class__": notices.TemplateCategoryChange,
            "is_upcoming": True,
            "new_category": "UTILITY",
            "correct_category": "MARKETING",
            "effective_at": datetime(2025, 5, 1, 7, 0, tzinfo=UTC),
        },
    ),
    "template_category_changed": (
        "notices",
        {
            **TEMPLATE,
            "is_upcoming": False,
            "previous_category": "UTILITY",
            "new_category": "MARKETING",
        },
    ),
    "phone_number_quality": (
        "notices",
        {
            "__class__": notices.PhoneNumberQualityChange,
            "event": "ONBOARDING",
            "limit": "TIER_2K",
            "display_phone_number": "15550783881",
        },
    ),
    "phone_number_name": (
        "notices",
        {
            "__class__": notices.PhoneNumberNameChange,
            "decision": "REJECTED",
            "requested_name": "Shop",
            "rejection_reason": "NAME_INVALID",
        },
    ),
    "business_capability": (
        "notices",
        {
            "__class__": notices.BusinessCapabilityChange,
            "limit": "2000",
            "max_numbers_per_business": 25,
            "max_numbers_per_account": 20,
        },
    ),
    "account_violation": (
        "notices",
        {
            "__class__": notices.AccountUpdate,
            "event": "ACCOUNT_VIOLATION",
            "violation_type": "SCAM",
        },
    ),
    "account_restricted": (
        "notices",
        {
            "restrictions": (
                notices.Restriction(
                    kind="RESTRICTED_BIZ_INITIATED_MESSAGING",
                    expires_at=datetime(2025, 5, 1, 7, 0, tzinfo=UTC),
                ),
                notices.Restriction(kind="RESTRICTED_ADD_PHONE_NUMBER_ACTION"),
            )
        },
    ),
    "account_disabled": ("notices", {"ban_state": "DISABLE", "ban_date": "April 17, 2025"}),
    "account_volume_tier": (
        "notices",
        {
            "event": "VOLUME_BASED_PRICING_TIER_UPDATE",
            "raw.volume_tier_info.tier": "25000001:50000000",
        },
    ),
    "account_alert": (
        "notices",
        {
            "__class__": notices.AccountAlert,
            "severity": "CRITICAL",
            "alert_type": "INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED",
            "entity_type": "BUSINESS",
            "description": "Complete business verification.",
        },
    ),
    "account_review": (
        "notices",
        {"__class__": notices.AccountReview, "decision": "APPROVED"},
    ),
    "security": (
        "notices",
        {
            "__class__": notices.SecurityNotice,
            "event": "PIN_CHANGED",
            "requester": "61555822107539",
        },
    ),
    "business_username": (
        "notices",
        {"__class__": notices.UsernameChange, "status": "approved", "username": "shop"},
    ),
    "field_of_tomorrow": (
        "unknown",
        {"field": "automatic_events", "raw": {"anything": [1, {"goes": None}]}},
    ),
}
#: Reads into two collections at once; has a test of its own.
SPECIAL = {"interactive_missing"}


def load(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())["body"]


def to_bytes(body: Any) -> bytes:
    # As Meta writes it: everything beyond ASCII escaped, slashes too.
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def read(name: str) -> Parsed:
    return parse(to_bytes(load(name)))


def counts(parsed: Parsed) -> dict[str, int]:
    found = {name: len(getattr(parsed, name)) for name in COLLECTIONS}
    return {name: count for name, count in found.items() if count}


def look_up(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    return value


def message_body(message: dict[str, Any], **value: Any) -> bytes:
    return to_bytes(
        {
            "entry": [
                {
                    "id": "1",
                    "changes": [{"field": "messages", "value": {"messages": [message], **value}}],
                }
            ]
        }
    )


TEXT = {
    "from": "16505551234",
    "id": "wamid.1",
    "timestamp": "1",
    "type": "text",
    "text": {"body": "a"},
}


class TestEveryPayload:
    def test_has_an_expectation_and_a_source(self):
        assert set(NAMES) == set(EXPECTED) | SPECIAL
        for name in NAMES:
            source = json.loads((PAYLOADS / f"{name}.json").read_text())["_source"]
            assert source.startswith("https://developers.facebook.com/documentation/")

    @pytest.mark.parametrize("name", sorted(EXPECTED))
    def test_is_read(self, name):
        collection, expected = EXPECTED[name]

        parsed = read(name)

        assert counts(parsed) == {collection: 1}
        [element] = getattr(parsed, collection)
        assert {path: look_up(element, path) for path in expected} == expected

    @pytest.mark.parametrize("name", NAMES)
    def test_f70_nothing_needs_a_phone(self, name):
        def strip(value: Any) -> Any:
            if isinstance(value, dict):
                hidden = {"from", "wa_id", "recipient_id"}
                return {key: strip(item) for key, item in value.items() if key not in hidden}
            return [strip(item) for item in value] if isinstance(value, list) else value

        body = load(name)
        needs_an_id = "user_id" not in json.dumps(body) and "from" in json.dumps(body)
        if name == "preference_resume" or (needs_an_id and not name.startswith("system")):
            body["entry"][0]["changes"][0]["value"]["contacts"] = [{"user_id": USER_ID}]

        assert counts(parse(to_bytes(strip(body)))) == counts(read(name))

    def test_interactive_missing_is_kept_with_the_reason_beside_it(self):
        parsed = read("interactive_missing")

        assert counts(parsed) == {"messages": 1, "notices": 1}
        assert isinstance(parsed.messages[0].content, contents.Unknown)
        notice = parsed.notices[0]
        assert isinstance(notice, notices.ValueErrorNotice)
        assert notice.errors[0].code == 131000

    @pytest.mark.parametrize("name", NAMES)
    def test_f59_truncated_is_malformed_as_a_whole(self, name):
        body = to_bytes(load(name))

        for length in range(0, len(body), 7):
            with pytest.raises(MalformedBody, match="not_json"):
                parse(body[:length])

    @pytest.mark.parametrize("name", NAMES)
    def test_f57_batched_with_all_others_and_bad_ones(self, name):
        whole: dict[str, Any] = {"object": "whatsapp_business_account", "entry": []}
        for other in ["field_of_tomorrow", name, "text", name, "status_sent"]:
            whole["entry"].extend(load(other)["entry"])
        whole["entry"][2:2] = [None, {"id": "1"}, {"id": "1", "changes": [7, {"field": "x"}]}]

        parsed = parse(to_bytes(whole))

        alone = counts(read(name))
        for collection, others in {"unknown": 1, "messages": 1, "statuses": 1}.items():
            expected = 2 * alone.pop(collection, 0) + others
            assert len(getattr(parsed, collection)) == expected
        for collection, count in alone.items():
            assert len(getattr(parsed, collection)) == 2 * count
        assert [element.path for element in parsed.malformed] == [
            "entry[2]",
            "entry[3].changes",
            "entry[4].changes[0]",
            "entry[4].changes[1]",
        ]

    @pytest.mark.parametrize("name", NAMES)
    def test_unknown_keys_change_nothing(self, name):
        def extend(value: Any) -> Any:
            if isinstance(value, dict):
                extended = {key: extend(item) for key, item in value.items()}
                return {**extended, "key_of_tomorrow": {"deep": [1]}}
            if isinstance(value, list):
                return [extend(item) for item in value]
            return value

        collection, expected = EXPECTED.get(name, ("messages", {}))
        parsed = parse(to_bytes(extend(load(name))))

        assert counts(parsed) == counts(read(name))
        [element] = getattr(parsed, collection)
        for path, value in expected.items():
            if not isinstance(value, dict):
                assert look_up(element, path) == value

    @pytest.mark.parametrize("name", NAMES)
    def test_f53_duplicate_is_read_to_equal_values(self, name):
        assert read(name) == read(name)

    @pytest.mark.parametrize("name", NAMES)
    def test_shows_nothing_of_a_person(self, name):
        shown = repr(read(name))

        for canary in ("16505551234", USER_ID, "Customer", "wamid", "STOP", "colour", "615558221"):
            assert canary not in shown

    @pytest.mark.parametrize("name", NAMES)
    def test_any_value_may_be_anything(self, name):
        """Every single value replaced by every kind of JSON: never an exception."""
        body = load(name)
        for path in paths(body):
            for junk in (None, True, 0, -1, 10**30, 1e300, "", "x", [], [None], {}, {"a": 1}):
                broken = copy.deepcopy(body)
                place = broken
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = junk
                parse(to_bytes(broken))


def paths(value: Any) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    return [
        path for key, item in items for path in [(key,), *((key, *deep) for deep in paths(item))]
    ]


class TestIsolation:
    def test_f57_one_bad_status_among_a_thousand(self):
        body = load("status_sent")
        value = body["entry"][0]["changes"][0]["value"]
        good = value["statuses"][0]
        value["statuses"] = [{**good, "id": f"wamid.{index}"} for index in range(1000)]
        value["statuses"][617]["timestamp"] = "yesterday"

        parsed = parse(to_bytes(body))

        ids = [int(status.provider_message_id.removeprefix("wamid.")) for status in parsed.statuses]
        assert ids == [index for index in range(1000) if index != 617]
        [bad] = parsed.malformed
        assert bad.path == "entry[0].changes[0].value.statuses[617]"
        assert bad.reason == "timestamp: is no time in seconds"
        assert bad.raw["id"] == "wamid.617"

    def test_each_refusal_tells_where(self):
        body = load("template_approved")
        entry, [change] = body["entry"][0], body["entry"][0]["changes"]
        del change["value"]["message_template_id"]
        entry["changes"] += [
            {"field": "messages", "value": {"statuses": [{}, 7], "messages": {}}},
            {"field": "user_preferences", "value": {"user_preferences": [None]}},
            {"field": "account_update"},
            7,
        ]

        parsed = parse(to_bytes(body))

        assert {element.path: element.reason for element in parsed.malformed} == {
            "entry[0].changes[0].value": "message_template_id: is missing",
            "entry[0].changes[1].value.messages": "is no list",
            "entry[0].changes[1].value.statuses[0]": "id: is missing",
            "entry[0].changes[1].value.statuses[1]": "is no object",
            "entry[0].changes[2].value.user_preferences[0]": "is no object",
            "entry[0].changes[3]": "field or value: is missing",
            "entry[0].changes[4]": "is no object",
        }

    def test_several_numbers_and_accounts_in_one_body(self):
        body = load("text")
        other = copy.deepcopy(body["entry"][0])
        other["id"] = "2"
        other["changes"][0]["value"]["metadata"]["phone_number_id"] = "3"
        body["entry"].append(other)

        parsed = parse(to_bytes(body))

        assert [(each.business_account_id, each.phone_number_id) for each in parsed.messages] == [
            ("102290129340398", "106540352242922"),
            ("2", "3"),
        ]

    def test_messages_belong_to_their_own_contact(self):
        contacts = [
            {"wa_id": "16505551234", "profile": {"name": "One"}},
            {"user_id": "US.2", "profile": {"name": "Two"}},
        ]
        messages = [
            {**TEXT, "from": "16505551234"},
            {**TEXT, "from": None, "from_user_id": "US.2"},
            {**TEXT, "from": "16505559999"},
        ]
        value = {"contacts": contacts, "messages": messages}
        body = {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}

        parsed = parse(to_bytes(body))

        assert [message.person.profile_name for message in parsed.messages] == ["One", "Two", ""]

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"id": None}, "id: is missing"),
            ({"id": " "}, "id: is missing"),
            ({"type": None}, "type: is missing"),
            ({"text": "a"}, "text: is no object"),
            ({"text": {}}, "text.body: is missing"),
            ({"from": None}, "from: names nobody"),
            ({"from": "somebody"}, "from: names nobody"),
            ({"from": "12"}, "from: names nobody"),
        ],
    )
    def test_what_is_needed_is_asked_for(self, change, reason):
        parsed = parse(message_body({**TEXT, **change}))

        assert [element.reason for element in parsed.malformed] == [reason]
        assert parsed.messages == []

    def test_other_objects_are_kept_whole(self):
        parsed = parse(b'{"object":"page","entry":[{"messaging":[]}]}')

        assert counts(parsed) == {"unknown": 1}
        assert parsed.unknown[0].field == "page"

    def test_value_with_nothing_known_in_it_is_kept(self):
        parsed = parse(
            b'{"entry":[{"id":"1","changes":[{"field":"messages","value":{"novelties":[1]}}]}]}'
        )

        assert counts(parsed) == {"unknown": 1}
        assert parsed.unknown[0].raw == {"novelties": [1]}

    def test_edit_of_an_edit_is_not_followed(self):
        inner: dict[str, Any] = {"type": "text", "text": {"body": "x"}}
        for _ in range(10):
            inner = {"type": "edit", "edit": {"original_message_id": "w", "message": inner}}

        [message] = parse(message_body({**TEXT, **inner})).messages

        assert message.content == contents.Edit(original_provider_message_id="w", content=None)

    @pytest.mark.parametrize("wa_id", ["+16505551234", "16505551234"])
    def test_plus_sign_is_no_part_of_a_wa_id(self, wa_id):
        [message] = parse(message_body({**TEXT, "from": wa_id})).messages

        assert message.person.wa_id == "16505551234"


class TestTime:
    @pytest.mark.parametrize(
        ("timestamp", "year"),
        [("1", 1970), (1, 1970), ("1749416383", 2025), (1749416383, 2025), (4102444799, 2099)],
    )
    def test_f91_seconds_as_number_or_digits(self, timestamp, year):
        [message] = parse(message_body({**TEXT, "timestamp": timestamp})).messages

        assert message.sent_at.year == year
        assert message.sent_at.tzinfo is UTC

    @pytest.mark.parametrize(
        "timestamp",
        [
            None,
            True,
            "",
            " ",
            "now",
            "-1",
            -1,
            0,
            "0",
            1.5,
            "1.5",
            "1e9",
            "+1",
            " 1",
            "1\n",
            "0x10",
            "1_000",
            "\u0661",
            4102444800,
            253402300799,
            "253402300800",
            1749416383000,
            "1749416383000",
            10**18,
            2**63,
            10**40,
            "9" * 400,
            [],
            {},
            "2025-06-08T20:59:43Z",
        ],
    )
    def test_f91_no_time_of_this_century(self, timestamp):
        parsed = parse(message_body({**TEXT, "timestamp": timestamp}))

        assert counts(parsed) == {"malformed": 1}
        assert parsed.malformed[0].reason == "timestamp: is no time in seconds"


class TestWholeBody:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "not_json"),
            (b" ", "not_json"),
            (b"{", "not_json"),
            (b"{}{}", "not_json"),
            (b"{'a':1}", "not_json"),
            (b'{"a":1,}', "not_json"),
            (b'{"a":"\x00"}', "not_json"),
            (b'{"a":"\n"}', "not_json"),
            (b'{"a":"\\x"}', "not_json"),
            (b'{"a":"\\ud8"}', "not_json"),
            (b"\xef\xbb\xbf{}", "not_json"),
            (b"entry=1", "not_json"),
            (b"[]", "not_an_object"),
            (b"null", "not_an_object"),
            (b"1", "not_an_object"),
            (b'"entry"', "not_an_object"),
            (b"\xff\xfe{\x00}\x00", "not_utf8"),
            (b'{"a":"\xff"}', "not_utf8"),
            (b'{"a":"\xed\xa0\x80"}', "not_utf8"),
            (b'{"a":NaN}', "number_out_of_range"),
            (b'{"a":Infinity}', "number_out_of_range"),
            (b'{"a":-Infinity}', "number_out_of_range"),
            (b'{"a":1e400}', "number_out_of_range"),
            (b'{"a":-1e400}', "number_out_of_range"),
            (b'{"a":' + b"9" * 102 + b"}", "number_out_of_range"),
            (b'{"a":' + b"9" * 5000 + b"}", "number_out_of_range"),
            (b"[" * 100_000, "too_deep"),
            (b'{"a":' * 100_000, "too_deep"),
            (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep"),
            (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "too_deep"),
        ],
    )
    def test_f59_is_refused_with_a_reason(self, body, reason):
        with pytest.raises(MalformedBody) as caught:
            parse(body)

        assert caught.value.reason == reason
        assert caught.value.__context__ is None

    def test_f59_an_object_without_entries_is_an_element_that_is_malformed(self):
        assert counts(parse(b"{}")) == {"malformed": 1}
        assert counts(parse(b'{"entry":[]}')) == {}

    def test_f59_deep_but_not_too_deep(self):
        body = b'{"entry":[],"a":' + b"[" * 62 + b"]" * 62 + b"}"

        assert counts(parse(body)) == {}

    def test_f59_of_two_equal_keys_the_last_counts(self):
        parsed = parse(
            b'{"entry":[],"entry":[{"id":"1","id":"2","changes":[{"field":"x","value":{}}]}]}'
        )

        assert parsed.unknown[0].business_account_id == "2"

    @pytest.mark.parametrize(
        ("escaped", "expected"),
        [
            (rb"a\u0000b", "a\ufffdb"),
            (rb"a\ud83d", "a\ufffd"),
            (rb"\uDE00b", "\ufffdb"),
            (rb"\ude00\ud83d", "\ufffd\ufffd"),
            (rb"\ud83d\ude00", "\U0001f600"),
            (rb"\\u0000", r"\u0000"),
            (rb"\u00e9", "\u00e9"),
            (rb"\uFFFD", "\ufffd"),
        ],
    )
    def test_f59_what_databases_cannot_store_is_replaced(self, escaped, expected):
        body = message_body({**TEXT, "text": {"body": "HERE"}}).replace(b"HERE", escaped)

        [message] = parse(body).messages

        assert message.content == contents.Text(body=expected)

    def test_f59_keys_are_cleaned_as_well(self):
        parsed = parse(
            rb'{"entry":[{"id":"1","changes":[{"field":"x","value":{"a\u0000":["\ud800"]}}]}]}'
        )

        assert parsed.unknown[0].raw == {"a\ufffd": ["\ufffd"]}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["messages", "statuses", "text", "system", "1749416383", USER_ID]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["entry", "changes", "field", "value", "messages", "statuses", "id", "type", "text"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


class TestFuzz:
    @given(st.binary(max_size=300))
    def test_f59_any_bytes(self, body):
        self._parse(body)

    @given(JSON)
    def test_f59_any_json(self, data):
        self._parse(json.dumps(data).encode())

    @given(st.sampled_from(["messages", "user_preferences", "account_update", "security"]), JSON)
    def test_f59_any_value(self, field, data):
        change = {"field": field, "value": {"messages": [data], "statuses": data, "event": data}}
        self._parse(json.dumps({"entry": [{"changes": [change]}]}).encode())

    @settings(max_examples=300)
    @given(st.sampled_from(NAMES), st.data())
    def test_f59_any_byte_changed(self, name, data):
        body = bytearray(to_bytes(load(name)))
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

        self._parse(bytes(body))

    def _parse(self, body: bytes) -> None:
        try:
            parsed = parse(body)
        except MalformedBody as err:
            assert err.reason  # noqa: PT017 - either is right
        else:
            assert isinstance(parsed, Parsed)
            # Whatever is kept can be stored in both databases.
            for element in (*parsed.unknown, *parsed.malformed):
                stored = json.dumps(element.raw, allow_nan=False, ensure_ascii=False)
                assert "\\u0000" not in stored.replace("\\\\", "")
                stored.encode("utf-8")
