"""The API's JSON, field by field."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from whatsapp_notify import conf
from whatsapp_notify.domain import phone as phones
from whatsapp_notify.domain.phone import InvalidPhone
from whatsapp_notify.domain.policy import Purpose
from whatsapp_notify.models import ConsentRecord, Topic
from whatsapp_notify.services import consent_intake
from whatsapp_notify.services.health import Level


class PhoneField(serializers.CharField):
    """A phone in national or international form; comes out as E.164. Never echoed."""

    default_error_messages: ClassVar = {
        "invalid_phone": _("This is no phone number that can be reached.")
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            return phones.parse(text, region=conf.load().DEFAULT_REGION)
        except InvalidPhone:
            self.fail("invalid_phone")


class ConsentActSerializer(serializers.Serializer[Any]):
    """One act of giving or withdrawing consent, as another system tells it."""

    action = serializers.ChoiceField(choices=ConsentRecord.Action.choices)
    phone = PhoneField(max_length=40)
    #: Keys. A withdrawal without topics withdraws all that the shop sends by itself.
    topics = serializers.ListField(
        child=serializers.SlugField(max_length=40), required=False, max_length=50
    )
    occurred_at = serializers.DateTimeField(required=False)
    external_id = serializers.CharField(max_length=100, default="", allow_blank=True)
    wording = serializers.CharField(
        max_length=2000, default="", allow_blank=True, trim_whitespace=False
    )
    language = serializers.RegexField(
        r"\A[a-z]{2,3}([-_][A-Za-z]{2,4})?\Z", default="", allow_blank=True
    )
    first_name = serializers.CharField(max_length=80, default="", allow_blank=True)
    ip_address = serializers.IPAddressField(default=None, allow_null=True)
    user_agent = serializers.CharField(max_length=300, default="", allow_blank=True)

    default_error_messages: ClassVar = {
        "future": _("This lies in the future."),
        "no_topics": _("Name the topics that the customer agreed to."),
        "no_wording": _("Give the words that the customer agreed to, exactly as shown."),
    }

    def validate_topics(self, value: list[str]) -> list[Topic]:
        known = {topic.key: topic for topic in topics_by_consent()}
        unknown = sorted(set(value) - set(known))
        if unknown:
            raise serializers.ValidationError(_("Unknown: %s.") % ", ".join(unknown))
        return [known[key] for key in dict.fromkeys(value)]

    def validate_occurred_at(self, value: datetime) -> datetime:
        if value > timezone.now() + consent_intake.CLOCK_SKEW:
            self.fail("future")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["action"] == ConsentRecord.Action.GRANT:
            if not attrs.get("topics"):
                raise serializers.ValidationError({"topics": self.error_messages["no_topics"]})
            if not attrs["wording"].strip():
                raise serializers.ValidationError({"wording": self.error_messages["no_wording"]})
        return {**attrs, "topics": attrs.get("topics") or list(topics_by_consent())}


def topics_by_consent() -> QuerySet[Topic]:
    """This will find the topics that somebody can agree to or not."""
    return Topic.objects.exclude(purpose=Purpose.SERVICE).order_by("id")


class ConsentQuerySerializer(serializers.Serializer[Any]):
    """What a list of consents may be narrowed by."""

    topic = serializers.SlugField(max_length=40, required=False)
    contact = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


class ConsentRecordSerializer(serializers.ModelSerializer[ConsentRecord]):
    """One record of the ledger, without the person: ``contact`` is our own number of it."""

    topic = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated]  # the stubs want a model where none is written

    class Meta:
        model = ConsentRecord
        fields = (
            "id",
            "contact",
            "topic",
            "channel",
            "action",
            "lawful_basis",
            "source",
            "wording",
            "wording_version",
            "language",
            "occurred_at",
            "recorded_at",
        )
        read_only_fields = fields


class HealthItemSerializer(serializers.Serializer[Any]):
    """One figure, its limits and what it means."""

    name = serializers.CharField()
    #: Which one, where there are several: "sender 1"; else empty.
    subject = serializers.CharField()
    #: Null where a part never gave a sign of life.
    value = serializers.IntegerField(allow_null=True)
    #: Null where there is no such limit.
    warn_above = serializers.IntegerField(allow_null=True)
    bad_above = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=[str(level) for level in Level])
    sentence = serializers.CharField()


class HealthSerializer(serializers.Serializer[Any]):
    """All figures of one moment; ``state`` is the worst of theirs."""

    state = serializers.ChoiceField(choices=[str(level) for level in Level])
    at = serializers.DateTimeField()
    items = HealthItemSerializer(many=True)
