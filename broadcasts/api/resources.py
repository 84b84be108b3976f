"""What all resources share: one organization's rows by uuid, pages, `field`, and writes of what differs."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts.models import AuditEntry

from .counting import Counted
from .errors import invalid
from .fields import JsonField, MomentField
from .idempotency import Idempotent
from .permissions import UUID, OfMember, act_of


class StrictSerializer(serializers.Serializer):
    """Refuses unknown keys, so that a misspelt one is not overlooked; read-only ones are ignored."""

    ignored: ClassVar[tuple[str, ...]] = ()  # what clients may send beside its fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := data.keys() - self.fields.keys() - {*self.ignored}):
            accepted = ", ".join(name for name, field in self.fields.items() if not field.read_only)
            told = f"Unknown; accepted: {accepted}." if accepted else "Unknown; nothing is accepted here."
            raise serializers.ValidationError({name: [told] for name in sorted(unknown)})
        return super().to_internal_value(data)


class PickingSerializer(StrictSerializer):
    """Shows the fields picked by `field`, all when none of them is known; it never affects what a write accepts."""

    @property
    def _readable_fields(self) -> Any:
        picked = picks(self.context.get("request"), self.fields)
        return (field for name, field in self.fields.items() if name in picked and not field.write_only)


class ResourceSerializer(PickingSerializer, serializers.ModelSerializer):
    """A row of the organization in the context; the model checks itself, and what changes nothing writes nothing."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: MomentField,
        models.JSONField: JsonField,
    }
    unique_by: ClassVar[str] = "non_field_errors"  # the key of errors of unique constraints

    def create(self, validated_data: dict[str, Any]) -> Any:
        meta: Any = self.Meta
        row = meta.model(organization=self.context["organization"])
        self.put(row, validated_data)
        self.check(row)
        row.save()
        return row

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        columns = [field.attname for field in instance._meta.concrete_fields]
        before = {name: getattr(instance, name) for name in columns}
        self.put(instance, validated_data)
        self.check(instance)
        changed = [name for name in columns if getattr(instance, name) != before[name]]
        if changed:
            names = {field.name for field in instance._meta.concrete_fields if field.attname in changed}
            instance.save(update_fields=[*names, "modified"])
        return instance

    def put(self, row: Any, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(row, name, value)

    def check(self, row: Any) -> None:
        """Run the model's validation; raise its errors by field."""
        try:
            row.clean_fields(exclude=[field.name for field in row._meta.concrete_fields if not field.editable])
            row.clean()
            self.check_unique(row)
        except DjangoValidationError as error:
            raise invalid(error, self.unique_by) from None

    def check_unique(self, row: Any) -> None:
        row.validate_constraints()


class Resource(OfMember, Idempotent, viewsets.GenericViewSet):
    """One kind of row of one organization.

    `acts` names what an action needs where its method does not tell: reading needs "read", writing `write_act`.
    """

    model: ClassVar[type[models.Model]]
    acts: ClassVar[dict[str, str]] = {}
    write_act: ClassVar[str] = "write"
    ordering_fields: ClassVar[dict[str, str]] = {}
    default_ordering: ClassVar[str] = ""
    lookup_field = "uuid"
    lookup_value_regex = "[^/]+"  # so that a malformed one is our own 404, after the permission checks

    def act(self) -> str:
        return self.acts.get(self.action or "") or act_of(self.request.method, self.write_act)

    def get_queryset(self) -> QuerySet:
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.model.objects.for_organization(self.organization)  # type: ignore[attr-defined]

    def get_object(self) -> Any:
        key = self.kwargs["uuid"]
        row = self.get_queryset().filter(uuid=key).first() if UUID.fullmatch(key) else None
        if row is None:
            raise NotFound()
        return row

    def get_serializer_context(self) -> dict[str, Any]:
        organization = self.organization if hasattr(self, "member") else None  # none while a schema is made
        return {**super().get_serializer_context(), "organization": organization}

    def prepare_ordering(self, queryset: QuerySet, names: set[str]) -> QuerySet:
        """Annotate what ordering by these names needs."""
        return queryset

    def decorate(self, rows: list[Any]) -> list[Any]:
        """Add what a page of rows shows beside its columns, in queries for all of them at once."""
        return rows

    @cached_property
    def picked(self) -> set[str]:
        serializer: Any = self.get_serializer()
        return picks(self.request, serializer.fields)

    def wants(self, *names: str) -> bool:
        """Tell whether the reply shows any of these fields, so that unasked work can be spared."""
        return bool(self.picked & set(names))

    def read(self, serializer_class: type[serializers.Serializer]) -> dict[str, Any]:
        """Return the checked body of an action; one without a body is read as an empty one."""
        given = {} if self.request.data is None else self.request.data
        serializer = serializer_class(data=given, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def paged(self, queryset: QuerySet | Counted) -> Response:
        rows = self.paginate_queryset(queryset)  # type: ignore[arg-type]
        serializer = self.get_serializer(self.decorate(list(rows or [])), many=True)
        return self.get_paginated_response(serializer.data)

    def shown(self, row: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(self.decorate([row])[0]).data, status=status)


class Listed:
    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.paged(self.filter_queryset(self.get_queryset()))


class Retrieved:
    def retrieve(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.shown(self.get_object())


class Created(mixins.CreateModelMixin):
    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            row = serializer.save()
            self.audit(row, "create", sorted(serializer.validated_data))
        return self.shown(self.fresh(row), 201)


class Updated(mixins.UpdateModelMixin):
    def update(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        serializer = self.get_serializer(row, data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        before = row.modified
        with transaction.atomic():
            row = serializer.save()
            if row.modified != before:
                self.audit(row, "change", sorted(serializer.validated_data))
        return self.shown(self.fresh(row))


class Destroyed(mixins.DestroyModelMixin):
    def destroy(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        with transaction.atomic():
            self.audit(row, "delete", [])
            self.remove(row)
        return Response(status=204)


class Audited:
    """Writes who changed what beside every change."""

    def audit(self: Any, row: Any, act: str, fields: list[str]) -> None:
        AuditEntry.write(row, act, organization=self.organization, user=self.user, fields=fields)

    def remove(self, row: Any) -> None:
        row.delete()

    def fresh(self: Any, row: Any) -> Any:
        """Read a written row as lists read it."""
        return self.get_queryset().get(pk=row.pk)


class FullResource(Audited, Listed, Retrieved, Created, Updated, Destroyed, Resource):
    """All of it: list, retrieve, create, update, partial update, destroy."""


def picks(request: Request | None, known: Any) -> set[str]:
    """Return the names of the fields a reply shows."""
    asked = set(request.query_params.getlist("field")) if isinstance(request, Request) else set()
    return asked & set(known) or set(known)
