"""`/api/v2/customers` and `/api/v2/attendances`, filtered as a target is."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from broadcasts import audience
from broadcasts.api.counting import Counted
from broadcasts.models import Attendance, Consent, ConsentState, Contact, UseCase

from .picking import expansions
from .queries import ATTENDANCE, CUSTOMER, FilterError, attendances_matching, conditions_of
from .serializers import (
    TeamUpAttendancesSerializer,
    TeamUpCustomerSerializer,
    TeamUpCustomersSerializer,
    attendance_of,
    customer_of,
)
from .views import TeamUpPageSerializer, TeamUpView

TEXT = r"\S"
ONE_ID = r"\s*[0-9]{1,18}\s*"
IDS = f"^{ONE_ID}(,{ONE_ID})*$"  # a list of values, with commas, means any of them
PATTERNS = dict.fromkeys(
    ("ids", "customer", "event", "broadcast_message_recipients", "broadcast_message_non_recipients"), IDS
) | {"age_gte": "^[0-9]{1,18}$", "age_lte": "^[0-9]{1,18}$", "deleted": "^(true|false)$"}
NULLABLE = ("active_memberships", "family", "status")  # of customers: a blank one is whoever has none
FILTERS = {
    "customer": [
        OpenApiParameter(
            name, {"type": "string", **({} if name in NULLABLE else {"pattern": PATTERNS.get(name, TEXT)})}
        )
        for name in CUSTOMER
    ],
    "attendance": [
        OpenApiParameter(name, {"type": "string", "pattern": PATTERNS.get(name, TEXT)}) for name in ATTENDANCE
    ],
}


class TeamUpPeopleView(TeamUpView):
    def act(self) -> str:
        return "read"

    def filters(self) -> dict[str, Any]:
        found = self.request.query_params
        return {name: ",".join(found.getlist(name)) for name in found}

    def people(self, rows: list[Contact]) -> list[dict[str, Any]]:
        expand = expansions(self.request)
        pks = [row.pk for row in rows]
        no = Consent.objects.filter(contact__in=pks, state=ConsentState.WITHDRAWN, use_case=UseCase.MARKETING)
        said_no = frozenset(no.values_list("contact_id", "medium"))
        return [customer_of(row, expand, said_no) for row in rows]


class TeamUpCustomers(TeamUpPeopleView):
    @extend_schema(
        summary="List customers",
        description="By the filters that a target of the type customer takes.",
        parameters=[TeamUpPageSerializer, *FILTERS["customer"]],
        responses=TeamUpCustomersSerializer,
    )
    def get(self, request: Request) -> Response:
        try:
            conditions = conditions_of("customer", self.filters(), self.organization)
        except FilterError as error:
            raise _named(error) from None
        query = {"all": conditions} if conditions else {"all_users": True}
        of = (self.organization.pk, query, "deleted" in request.query_params)
        rows = Counted(self._rows(query).order_by("pk"), lambda: self._rows(query, of_all=True).count(), of=of)
        return self.page(rows, self.people)

    def _rows(self, query: dict[str, Any], of_all: bool = False) -> QuerySet[Contact]:
        rows = audience.compile_query(query, self.organization, of_all)
        return rows if "deleted" in self.request.query_params else rows.exclude(status=Contact.Status.ARCHIVED)


class TeamUpOneCustomer(TeamUpPeopleView):
    @extend_schema(summary="Read a customer", responses=TeamUpCustomerSerializer)
    def get(self, request: Request, id: str) -> Response:
        row = Contact.objects.for_organization(self.organization).filter(pk=self.number(id)).first()
        if row is None:
            raise NotFound()
        return self.answer(self.people([row])[0])


class TeamUpAttendances(TeamUpPeopleView):
    @extend_schema(
        summary="List attendances",
        description="By the filters that a target of the type attendance takes.",
        parameters=[TeamUpPageSerializer, *FILTERS["attendance"]],
        responses=TeamUpAttendancesSerializer,
    )
    def get(self, request: Request) -> Response:
        expand = expansions(request)
        try:
            rows: QuerySet[Attendance] = attendances_matching(self.filters(), self.organization)
        except FilterError as error:
            raise _named(error) from None
        rows = rows.select_related("activity__series", "activity__place", "contact").order_by("pk")
        return self.page(rows, lambda found: [attendance_of(one, expand) for one in found])


def _named(error: FilterError) -> ValidationError:
    name, _, text = str(error).partition(": ")
    return ValidationError({name: [text]})
