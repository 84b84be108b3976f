from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import confirming, consenting
from broadcasts.models import Consent, ConsentChange, ConsentState, Contact, Medium, UseCase

from .fields import MomentField, ObjectField, RefField, TextField
from .resources import Audited, Listed, PickingSerializer, Resource, Retrieved

SAID = [ConsentState.PENDING, ConsentState.GRANTED, ConsentState.WITHDRAWN]
ABOUT_EVIDENCE = (
    'What proves it: {"time": "2026-05-04T09:30:00Z", "form": "https://...", "ip": "...", "user_agent": "..."}. '
    "A yes over a no needs a time after the no, and the wording."
)


class ConsentFilter(filters.FilterSet):
    contact = filters.UUIDFilter(field_name="contact__uuid")
    medium = filters.MultipleChoiceFilter(choices=Medium.choices)
    use_case = filters.MultipleChoiceFilter(choices=UseCase.choices)
    state = filters.MultipleChoiceFilter(choices=ConsentState.choices)


class EvidenceField(ObjectField):
    def to_internal_value(self, data: Any) -> dict:
        value = super().to_internal_value(data)
        if "time" in value and consenting.said_at(value) is None:
            raise serializers.ValidationError(
                "time: must be a moment with its time zone, such as 2026-05-04T09:30:00Z."
            )
        return value


class ConsentSerializer(PickingSerializer):
    """What a contact agreed to; written with its source and its evidence."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    modified = MomentField(read_only=True)
    contact = RefField(Contact)
    medium = serializers.ChoiceField(choices=Medium.choices, default=Medium.EMAIL)
    use_case = serializers.ChoiceField(choices=UseCase.choices, default=UseCase.MARKETING)
    state = serializers.ChoiceField(choices=ConsentState.choices)
    source = serializers.CharField(max_length=255, write_only=True, help_text="Where it was said.")  # type: ignore[assignment]  # of the same name by chance
    evidence = EvidenceField(write_only=True, required=False, help_text=ABOUT_EVIDENCE)
    wording = TextField(
        max_length=5000, write_only=True, required=False, allow_blank=True, help_text="The words that were agreed to."
    )

    def validate_state(self, value: str) -> str:
        if value not in SAID:
            raise serializers.ValidationError(f"Only these can be written: {', '.join(SAID)}.")
        return value

    def record(self) -> tuple[Consent, bool]:
        """Write it down; return the consent and whether that changed anything."""
        said = self.validated_data
        contact, medium, use_case = place = (said["contact"], said["medium"], said["use_case"])
        given = {**said.get("evidence", {}), "recorded_by": str(self.context["request"].user)}
        wording = said.get("wording") or str(given.pop("wording", "") or "")
        source, evidence = said["source"], consenting.evidence_of(wording, **given)
        match said["state"]:
            case ConsentState.GRANTED:
                news = consenting.grant(*place, source=source, evidence=evidence)
            case ConsentState.WITHDRAWN:
                news = consenting.withdraw(*place, source=source, evidence=evidence)
            case _ if medium == Medium.EMAIL:
                news = confirming.ask(contact, use_case, source=source, evidence=evidence)
            case _:
                news = consenting.ask(*place, source=source, evidence=evidence)
        return Consent.objects.get(contact=contact, medium=medium, use_case=use_case), news


class ConsentChangeSerializer(PickingSerializer):
    """One change of a consent, with what proves it."""

    id = serializers.IntegerField()
    created = MomentField()
    state = serializers.ChoiceField(choices=ConsentState.choices)
    source = serializers.CharField()  # type: ignore[assignment]  # of the same name by chance
    evidence = ObjectField()


@extend_schema_view(
    list=extend_schema(summary="List consents"),
    retrieve=extend_schema(summary="Read a consent"),
)
class Consents(Audited, Listed, Retrieved, Resource):
    """What people agreed to, per medium and use case."""

    model = Consent
    serializer_class = ConsentSerializer
    filterset_class = ConsentFilter
    ordering_fields = {"created": "id", "modified": "modified"}
    default_ordering = "-created"

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().select_related("contact")

    @extend_schema(
        summary="Write down a yes, a no, or a question",
        description="What stands already is left as it is: 200. `pending` by e-mail asks the person to confirm, by a "
        "mail with a link. A yes over a no of the person is a 409 unless a later yes is proved.",
        responses={200: ConsentSerializer, 201: ConsentSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = ConsentSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            row, news = serializer.record()
            if news:
                self.audit(row, "consent", [row.state])
        return self.shown(self.fresh(row), 201 if news else 200)

    @extend_schema(
        summary="Read the history of a consent",
        description="Every change, newest first, with its source and evidence.",
        responses=ConsentChangeSerializer(many=True),
        filters=False,
    )
    @action(detail=True, serializer_class=ConsentChangeSerializer)
    def history(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        place = {"contact": row.contact, "medium": row.medium, "use_case": row.use_case}
        return self.paged(ConsentChange.objects.filter(**place).order_by("-pk"))
