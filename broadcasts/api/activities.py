"""Activities, and who has a place in them."""

from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience, formats
from broadcasts.models import Activity, Attendance, Contact, Organization

from .fields import LineField, MomentField, MomentFilter, NameField, RefField
from .permissions import UUID
from .resources import FullResource, PickingSerializer, ResourceSerializer, StrictSerializer

AT_ONCE = 1000


class ActivityFilter(filters.FilterSet):
    series = filters.CharFilter(field_name="series__name")
    kind = filters.CharFilter()
    external_id = filters.CharFilter()
    starts_after = MomentFilter(field_name="starts_at", lookup_expr="gte")
    starts_before = MomentFilter(field_name="starts_at", lookup_expr="lt")
    search = filters.CharFilter(method="of_words", help_text="A part of the name, the series or the place.")

    class Meta:
        model = Activity
        fields: list[str] = []

    def of_words(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        names = ("name", "series__name", "place__name")
        return queryset.filter(reduce(or_, (Q(**{f"{name}__icontains": value}) for name in names)))


class SharedNameField(NameField):
    """The name of a row that activities share, such as a place; the row is made when an activity is saved with it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_blank=True, max_length=255, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        return super().get_attribute(instance) or ""


class ActivitySerializer(ResourceSerializer):
    name = LineField(max_length=255)
    series = SharedNameField(help_text="What its occurrences have in common, by its name.")
    series_id = serializers.IntegerField(read_only=True, allow_null=True)
    place = SharedNameField(help_text="By its name.")
    place_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Activity
        fields = (
            *("uuid", "id", "created", "modified", "external_id", "series", "series_id", "kind", "name"),
            *("starts_at", "ends_at", "place", "place_id"),
        )
        read_only_fields = ("uuid", "id")
        validators: list = []

    def validate_external_id(self, value: str | None) -> str | None:
        return value or None

    def put(self, row: Activity, values: dict[str, Any]) -> None:
        rows = {
            name: model.named(row.organization, [values[name]]).get(values[name])
            for name, model in Activity.SHARED.items()
            if name in values
        }
        super().put(row, {**values, **rows})

    def check_unique(self, row: Activity) -> None:
        if row.starts_at and row.ends_at and row.ends_at < row.starts_at:
            raise serializers.ValidationError({"ends_at": ["It cannot end before it starts."]})
        others = Activity.objects.for_organization(row.organization_id).exclude(pk=row.pk)
        if row.external_id and (other := others.filter(external_id=row.external_id).first()):
            raise serializers.ValidationError({"external_id": [f"Another activity has this already: {other.uuid}."]})


class AttendanceSerializer(PickingSerializer):
    """One contact's place in one activity."""

    uuid = serializers.UUIDField(read_only=True)
    id = serializers.IntegerField(read_only=True)
    created = MomentField(read_only=True)
    modified = MomentField(read_only=True)
    activity = RefField(Activity)
    contact = RefField(Contact)
    status = serializers.ChoiceField(choices=Attendance.Status.choices, required=False)
    at = MomentField(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name in ("activity", "contact"):
            if self.instance is not None and name in attrs and attrs[name] != getattr(self.instance, name):
                raise serializers.ValidationError({name: [f"The {name} cannot be changed; add another attendance."]})
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Attendance:
        return Attendance.objects.create(**validated_data)

    def update(self, instance: Attendance, validated_data: dict[str, Any]) -> Attendance:
        if write(instance, validated_data):
            instance.save(update_fields=["status", "at", "modified"])
        return instance


class PlaceSerializer(StrictSerializer):
    """A place in the activity that the address names; the contact is looked up for all places at once."""

    contact = serializers.JSONField(help_text="The uuid of a contact.")
    status = serializers.ChoiceField(choices=Attendance.Status.choices, required=False)
    at = MomentField(required=False, allow_null=True)


class WrittenSerializer(serializers.Serializer):
    """What a list of places changed."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()


@extend_schema_view(
    list=extend_schema(summary="List activities"),
    retrieve=extend_schema(summary="Read an activity"),
    create=extend_schema(summary="Add an activity"),
    update=extend_schema(summary="Write an activity"),
    partial_update=extend_schema(summary="Change an activity"),
    destroy=extend_schema(
        summary="Delete an activity", description="With its attendances; not while a broadcast or a segment uses it."
    ),
)
class Activities(FullResource):
    """Classes, courses and events, the latest first."""

    model = Activity
    serializer_class = ActivitySerializer
    filterset_class = ActivityFilter
    ordering_fields = {"starts_at": "starts_at", "name": "name", "created": "id"}
    default_ordering = "-starts_at"

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().select_related("series", "place")

    def remove(self, row: Activity) -> None:
        audience.require_unused(row)
        row.delete()

    @extend_schema(summary="List who has a place in an activity", responses=AttendanceSerializer(many=True))
    @action(detail=True, serializer_class=AttendanceSerializer, filter_backends=[], ordering_fields={})
    def attendances(self, request: Request, uuid: str) -> Response:
        places = self.get_object().attendances.select_related("activity", "contact")
        return self.paged(places.order_by("contact_id"))  # the order of its index

    @extend_schema(
        summary="Write the places of an activity",
        description=f"Up to {formats.number(AT_ONCE)} at once, by contact: new ones are added, others changed; "
        "all of them or none. What is wrong is told by the number of the place in the list, from 0.",
        request=PlaceSerializer(many=True),
        responses=WrittenSerializer,
    )
    @attendances.mapping.post
    def write_attendances(self, request: Request, uuid: str) -> Response:
        activity = self.get_object()
        if isinstance(request.data, list) and len(request.data) > AT_ONCE:
            refusal = f"At most {formats.number(AT_ONCE)} are possible at once."
            raise serializers.ValidationError({"non_field_errors": [refusal]})
        given = PlaceSerializer(data=request.data, many=True, allow_empty=False)
        given.is_valid(raise_exception=True)
        places = by_contact(given.validated_data, self.organization)
        with transaction.atomic():
            changed = write_places(activity, places)
            self.audit(activity, "change", ["attendances"])
        return Response(WrittenSerializer(changed).data)


class AttendanceFilter(filters.FilterSet):
    activity = filters.UUIDFilter(field_name="activity__uuid")
    contact = filters.UUIDFilter(field_name="contact__uuid")
    series = filters.CharFilter(field_name="activity__series__name")
    status = filters.MultipleChoiceFilter(choices=Attendance.Status.choices)

    class Meta:
        model = Attendance
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="List attendances"),
    retrieve=extend_schema(summary="Read an attendance"),
    update=extend_schema(summary="Write an attendance"),
    partial_update=extend_schema(summary="Change an attendance"),
    destroy=extend_schema(summary="Delete an attendance"),
)
class Attendances(FullResource):
    """Who has a place in what, newest first."""

    model = Attendance
    serializer_class = AttendanceSerializer
    filterset_class = AttendanceFilter
    ordering_fields = {"created": "id"}
    default_ordering = "-created"

    def get_queryset(self) -> QuerySet:
        return super().get_queryset().select_related("activity", "contact")

    @extend_schema(
        summary="Write an attendance",
        description="A contact has one place in an activity: 201 where it is new, 200 where it was there.",
        operation_id="attendances_create",
        responses={201: AttendanceSerializer, 200: OpenApiResponse(AttendanceSerializer)},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        with transaction.atomic():
            rows = Attendance.objects.select_for_update().filter(activity=given["activity"], contact=given["contact"])
            row = rows.first()
            if row is None:
                row = serializer.save()
                self.audit(row, "create", sorted(given))
                return self.shown(self.fresh(row), 201)
            before = row.modified
            if serializer.update(row, given).modified != before:
                self.audit(row, "change", sorted(given))
        return self.shown(self.fresh(row))


def write(row: Attendance, values: dict[str, Any]) -> bool:
    """Set the given fields of an attendance; tell whether it changed."""
    changed = {name: values[name] for name in ("status", "at") if name in values and getattr(row, name) != values[name]}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


def by_contact(places: list[dict[str, Any]], organization: Organization) -> dict[Contact, dict[str, Any]]:
    """Look up the contacts of all attendances by one query; errors are listed per attendance."""
    keys = [_key(place["contact"]) for place in places]
    rows = Contact.objects.for_organization(organization).filter(uuid__in={key for key in keys if key})
    known = {row.uuid.hex: row for row in rows}
    found: dict[Contact, dict[str, Any]] = {}
    errors: dict[str, Any] = {}
    for i, (key, place) in enumerate(zip(keys, places, strict=True)):
        contact = known.get(key)
        if contact is None:
            errors[str(i)] = {"contact": [f"There is no contact {str(place['contact'])[:40]}."]}
        elif contact in found:
            errors[str(i)] = {"contact": ["This contact has a place in the list already."]}
        else:
            found[contact] = place
    if errors:
        raise serializers.ValidationError(errors)
    return found


def _key(value: Any) -> str:
    given = value.get("uuid") if isinstance(value, dict) else value
    return given.replace("-", "").lower() if isinstance(given, str) and UUID.fullmatch(given) else ""


def write_places(activity: Activity, places: dict[Contact, dict[str, Any]]) -> dict[str, int]:
    known = {row.contact_id: row for row in activity.attendances.select_for_update().filter(contact__in=places)}
    fresh, changed = [], []
    for contact, place in places.items():
        row = known.get(contact.pk) or Attendance(activity=activity, contact=contact)
        if write(row, place) and row.pk:
            row.modified = timezone.now()
            changed.append(row)
        elif not row.pk:
            fresh.append(row)
    Attendance.objects.bulk_create(fresh)
    Attendance.objects.bulk_update(changed, ["status", "at", "modified"])
    unchanged = len(places) - len(fresh) - len(changed)
    return {"created": len(fresh), "updated": len(changed), "unchanged": unchanged}
