"""The filters of the contact list: the vocabulary as URL parameters."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters.filters import Filter
from django_filters.filterset import FilterSet
from drf_spectacular.utils import extend_schema_field

from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Organization

from .broadcast_recipients import CONDITIONS
from .conditions import Condition
from .query import NOT_FILTERS, all_of, clause_of, condition_of, conjunction, read_json
from .values import QueryError, Scope


class QueryCondition(Condition):
    """A whole query as one parameter."""

    help = 'A query as JSON, such as {"not": {"language": "es"}}.'

    def read(self, value: Any, scope: Scope) -> Any:
        try:
            return read_json(value)
        except InvalidInput as error:
            raise QueryError(error.errors["query"]) from None

    def match(self, values: list[Any], scope: Scope) -> Q:
        return all_of(clause_of(value, scope) for value in values)


class EveryValue(forms.TextInput):
    """A widget that returns all values of a repeated parameter."""

    def value_from_datadict(self, data, files, name):
        if name not in data:
            return None
        return data.getlist(name) if hasattr(data, "getlist") else data[name]


class ConditionField(forms.Field):
    """A URL parameter that is read by its condition; a parameter without a condition is an error."""

    widget = EveryValue

    def __init__(self, name: str, scope: Scope, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name, self.scope = name, scope

    def clean(self, value: Any) -> tuple[Condition, list[Any], Q | None] | None:
        if value is None:
            return None
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        try:
            condition = CONDITION_PARAMETERS.get(self.name) or condition_of(self.name, self.scope)
            values = condition.read_all(value, self.scope)
            # Compiled here too, so that errors are reported under the name of this parameter.
            return condition, values, condition.match(values, self.scope)
        except QueryError as error:
            # Passed as a parameter, since the text may contain % and messages are formatted with it.
            raise ValidationError("%(text)s", params={"text": str(error).removeprefix(": ")}) from None


class ConditionFilter(Filter):
    def __init__(self, field_name: str, help_text: str = "") -> None:
        super().__init__(field_name=field_name, help_text=help_text)
        extend_schema_field({"type": "string", "description": help_text})(self)

    @property
    def field(self) -> ConditionField:
        if not hasattr(self, "_field"):
            self._field = ConditionField(self.field_name, self.parent.scope, label=self.field_name, **self.extra)
        return self._field


CONDITION_PARAMETERS = {**CONDITIONS, "query": QueryCondition()}


class ContactFilter(FilterSet):
    """Filter contacts by URL parameters, strictly: an unknown one is an error under its own name.

    The organization is given, or read from the request as `request.organization`. With `of_all` all of them are counted
    fast, but reading the first few is slow.
    """

    not_filters = NOT_FILTERS

    class Meta:
        model = Contact
        fields: list[str] = []

    def __init__(
        self,
        data: Any = None,
        queryset: QuerySet[Contact] | None = None,
        *,
        request: Any = None,
        prefix: str | None = None,
        organization: Organization | None = None,
        of_all: bool = False,
    ) -> None:
        organization = organization or request.organization
        if queryset is None:
            queryset = Contact.objects.for_organization(organization)
        super().__init__(data, queryset, request=request, prefix=prefix)
        self.scope = Scope(organization, of_all)
        for name in self.data:
            if name not in self.filters and name not in self.not_filters:
                self.filters[name] = ConditionFilter(field_name=name)
                self.filters[name].parent = self

    def filter_queryset(self, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        given = {name: value for name, value in self.form.cleaned_data.items() if value is not None}
        if "activity" in given and "attendance_status" in given:
            pair = {name: given.pop(name)[:2] for name in ("activity", "attendance_status")}
            queryset = queryset.filter(*conjunction(pair, self.scope))
        return queryset.filter(*(clause for _, _, clause in given.values() if clause is not None))

    @classmethod
    def get_filters(cls) -> dict[str, Filter]:
        return {
            name: ConditionFilter(field_name=name, help_text=condition.help)
            for name, condition in CONDITION_PARAMETERS.items()
        }
