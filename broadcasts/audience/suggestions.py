"""Suggest existing values while a rule is typed; each query reads a bounded number of rows."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast

from broadcasts.languages import written_language
from broadcasts.models import Activity, Attribute, Broadcast, Contact, Link, Organization, Place, Segment, Series

from .attributes import PREFIX

SHOWN = 20
NEWEST = 10_000  # contacts whose values are read
LISTS = 500  # distinct lists whose items are read, and distinct languages

Suggestion = tuple[str, str]  # (value, label)


def suggest(organization: Organization, of: str, text: str = "", beside: str = "") -> list[Suggestion]:
    """Return up to 20 values that begin with the text; of rows, those whose name contains it.

    of: the `suggest` of an input of the catalogue; an unknown one has no suggestions.
    beside: the value of the part that narrows the suggestions.
    A row is also found by its uuid, so that existing rules can be shown with names.
    """
    text = text.strip()
    if of.startswith(PREFIX):
        return _of_attribute(organization, of.removeprefix(PREFIX), text)
    if of == "link":
        return _links(organization, beside, text)
    if of in ROWS:
        return ROWS[of](organization, text)
    return VALUES[of](organization, text) if of in VALUES else []


def _of_attribute(organization: Organization, key: str, text: str) -> list[Suggestion]:
    attribute = Attribute.objects.for_organization(organization).filter(key=key).first()
    if attribute is None:
        return []
    # The key is registered, so it is small letters, digits and underscores only.
    if attribute.type != Attribute.Type.LIST:
        return _common(_newest(organization).annotate(one=Cast(KeyTextTransform(key, "attributes"), TextField())), text)
    lists = _newest(organization).annotate(one=KeyTransform(key, "attributes")).exclude(one=None)
    found = lists.order_by().values_list("one", flat=True).distinct()[:LISTS]
    items = {str(item) for value in found for item in (value if isinstance(value, list) else [value])}
    return _same(sorted(item for item in items if item.casefold().startswith(text.casefold()))[:SHOWN])


def _newest(organization: Organization) -> QuerySet[Contact]:
    contacts = Contact.objects.for_organization(organization)
    newest = contacts.order_by("-pk").values_list("pk", flat=True)
    oldest = newest[NEWEST - 1 : NEWEST].first()
    return contacts if oldest is None else contacts.filter(pk__gte=oldest)


def _column(name: str) -> Callable[[Organization, str], list[Suggestion]]:
    def find(organization: Organization, text: str) -> list[Suggestion]:
        return _common(_newest(organization).annotate(one=F(name)), text)

    return find


def _common(rows: QuerySet[Any], text: str) -> list[Suggestion]:
    """Return the values, the most common first."""
    rows = rows.exclude(one=None).exclude(one="")
    rows = rows.filter(one__istartswith=text) if text else rows
    counted = rows.order_by().values("one").annotate(n=Count("pk")).order_by("-n", "one")
    return _same(counted.values_list("one", flat=True)[:SHOWN])


def _languages(organization: Organization, text: str) -> list[Suggestion]:
    """Return the languages that contacts have, found by tag or by name."""
    typed = text.casefold()
    counted = _newest(organization).exclude(language="").order_by().values("language").annotate(n=Count("pk"))
    tags = counted.order_by("-n", "language").values_list("language", flat=True)[:LISTS]
    labels = ((tag, written_language(tag)) for tag in tags)
    found = (one for one in labels if any(part.casefold().startswith(typed) for part in (one[0], *one[1].split(" · "))))
    return [*islice(found, SHOWN)]


def _shared(model: type[Series | Place], field: str) -> Callable[[Organization, str], list[Suggestion]]:
    def find(organization: Organization, text: str) -> list[Suggestion]:
        used = Activity.objects.filter(**{field: OuterRef("pk")})
        rows = model.objects.for_organization(organization).filter(Exists(used))
        rows = rows.filter(name__istartswith=text) if text else rows
        return _same(rows.order_by("name").values_list("name", flat=True)[:SHOWN])

    return find


def _links(organization: Organization, broadcast: str, text: str) -> list[Suggestion]:
    uuid = _uuid(broadcast)
    if uuid is None:
        return []
    rows = Link.objects.for_organization(organization).filter(message__broadcast__uuid=uuid)
    rows = rows.filter(url__icontains=text) if text else rows
    return _same(rows.order_by("url").values_list("url", flat=True).distinct()[:SHOWN])


def _row(model: Any, *offered: Q) -> Callable[[Organization, str], list[Suggestion]]:
    def find(organization: Organization, text: str) -> list[Suggestion]:
        rows = model.objects.for_organization(organization)
        if uuid := _uuid(text):
            rows = rows.filter(uuid=uuid)
        else:
            rows = rows.filter(*offered, **({"name__icontains": text} if text else {}))
        return [(str(uuid), name) for uuid, name in rows.order_by("-pk").values_list("uuid", "name")[:SHOWN]]

    return find


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _same(values: Iterable[str]) -> list[Suggestion]:
    return [(value, value) for value in values]


VALUES = {
    "language": _languages,
    "time_zone": _column("time_zone"),
    "series": _shared(Series, "series"),
    "place": _shared(Place, "place"),
}
ROWS = {
    "segment": _row(Segment),
    "activity": _row(Activity),
    "broadcast": _row(Broadcast, Broadcast.BEGUN),  # the others have no deliveries
    "any_broadcast": _row(Broadcast),
}
