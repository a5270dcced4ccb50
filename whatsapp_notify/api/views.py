"""The API's addresses: translate, one call down."""

from typing import Any

from django.db import Error
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import generics, parsers, renderers, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from whatsapp_notify.api.access import CanViewOverview, ModelPermissions, NewestFirst, Throttle
from whatsapp_notify.api.serializers import (
    ConsentActSerializer,
    ConsentQuerySerializer,
    ConsentRecordSerializer,
    HealthSerializer,
)
from whatsapp_notify.models import ConsentRecord
from whatsapp_notify.services import consent_intake, health
from whatsapp_notify.services.consent_intake import Act, ExternalIdTaken
from whatsapp_notify.services.health import Level


class Conflict(APIException):
    """The request contradicts what is there already."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class ConsentsView(generics.ListAPIView[ConsentRecord]):
    """GET lists the ledger, newest first; POST adds one act of giving or withdrawing.

    POST: {action: "grant"|"withdraw", phone, topics: [key], wording, language?, occurred_at?,
    external_id?, first_name?, ip_address?, user_agent?} -> 201 {action, topics, occurred_at,
    external_id}, the same for a known and an unknown phone, and for a repeated external id.
    GET: ``?topic=<key>&contact=<id>&limit=<n>``; a phone is never part of an address.
    """

    queryset = ConsentRecord.objects.select_related("topic")
    serializer_class = ConsentRecordSerializer
    permission_classes = (ModelPermissions,)
    throttle_classes = (Throttle,)
    pagination_class = NewestFirst
    renderer_classes = (renderers.JSONRenderer,)
    parser_classes = (parsers.JSONParser,)
    # Filters of the shop's own settings would open other columns.
    filter_backends = ()

    def get_queryset(self) -> QuerySet[ConsentRecord]:
        rows = super().get_queryset()
        query = ConsentQuerySerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        if "topic" in query.validated_data:
            rows = rows.filter(topic__key=query.validated_data["topic"])
        if "contact" in query.validated_data:
            rows = rows.filter(contact_id=query.validated_data["contact"])
        return rows

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = ConsentActSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            taken = consent_intake.take(
                _act(serializer.validated_data, request), now=timezone.now()
            )
        except ExternalIdTaken as err:
            raise Conflict(_("This external id was used for another act of consent.")) from err
        answer = {
            "action": serializer.validated_data["action"],
            "topics": taken.topic_keys,
            "occurred_at": serializers.DateTimeField().to_representation(taken.occurred_at),
            "external_id": serializer.validated_data["external_id"],
        }
        return Response(answer, status=status.HTTP_201_CREATED)


class HealthView(generics.GenericAPIView[Any]):
    """GET tells monitoring how well all is: figures, limits, states and what to do.

    200 while messages go out, also where something needs attention; 503 when the state is
    "bad". It asks for the permission to see the overview and names nobody.
    """

    serializer_class = HealthSerializer
    permission_classes = (CanViewOverview,)
    throttle_classes = (Throttle,)
    renderer_classes = (renderers.JSONRenderer,)
    pagination_class = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        now = timezone.now()
        try:
            found = health.look(now=now)
        except Error:
            found = health.unreachable(now=now)
        is_bad = found.state is Level.BAD
        return Response(
            self.get_serializer(found).data,
            status=status.HTTP_503_SERVICE_UNAVAILABLE if is_bad else status.HTTP_200_OK,
            headers={"Cache-Control": "no-store"},
        )


def _act(data: dict[str, Any], request: Request) -> Act:
    return Act(
        action=data["action"],
        phone=data["phone"],
        topics=data["topics"],
        occurred_at=data.get("occurred_at"),
        external_id=data["external_id"],
        wording=data["wording"],
        language=data["language"],
        first_name=data["first_name"],
        ip_address=data["ip_address"],
        user_agent=data["user_agent"],
        caller_id=request.user.pk,
        caller_name=request.user.get_username(),
    )
