"""What no link says, in every place where an address or a parameter is read: never an error of the server."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.admin import site
from django.db import models
from django.urls import URLResolver, reverse

from broadcasts.models import Broadcast, Contact, Delivery, Segment

from .conftest import MODELS, sign_in

HUGE = "9" * 20
HOSTILE = ["²", HUGE, "-1", "0001-01-01T00:00:00+14:00"]
OF_LISTS = ("p", "o", "q", "all", "e", "_popup", "_to_field", "_changelist_filters", "id", "id__in", "pk__gt")
OF_PAGES = {
    "broadcast_people": ("message", "after", "reason"),
    "broadcast_lacking": ("field", "after"),
    "broadcast_preview": ("message", "contact", "language", "width"),
    "broadcast_retarget": ("engagement",),
    "contact_change": ("before",),
    "activity_change": ("after",),
    "contact_explain": ("contact", "broadcast"),
    "contact_merge": ("contacts",),
    "importjob_add": ("segment", "organization"),
    "segment_catalogue": ("organization",),
    "segment_suggest": ("organization", "of", "text", "beside"),
    "contact_export": ("organization", "segment"),
    "suppression_export": ("organization",),
}


@pytest.fixture
def client(everything, root):
    client = sign_in(root)
    client.raise_request_exception = False
    return client


def routes(patterns=None, before: str = "/admin/") -> Iterator[str]:
    for one in site.get_urls() if patterns is None else patterns:
        route = before + getattr(one.pattern, "_route", "")
        if isinstance(one, URLResolver):
            yield from routes(one.url_patterns, route)
        elif "<" in route:
            yield route


def broken(client, asked) -> list[tuple[str, dict]]:
    """What the server could not answer, of (address, parameters)."""
    return [(address, params) for address, params in asked if client.get(address, params).status_code >= 500]


def dates(model) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if isinstance(field, models.DateTimeField)]


def parameters(model) -> list[str]:
    """Those that a list reads itself; of three lists also those that all read, or must not trip over."""
    filters = [getattr(one, "parameter_name", one) for one in site._registry[model].list_filter]
    of_dates = [f"{name}__{lookup}" for name in dates(model) for lookup in ("gte", "year", "date")]
    return ["organization", *filters, *([*OF_LISTS, *of_dates] if model in (Broadcast, Contact, Delivery) else [])]


@pytest.mark.parametrize("value", ["²", HUGE, "-1"])
def test_a_part_of_an_address(client, value):
    asked = [(re.sub("<[^>]*>", value, route), {}) for route in set(routes())]
    assert len(asked) > 100
    assert broken(client, asked) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_a_parameter_of_a_list(client, value):
    asked = [
        (reverse(f"admin:broadcasts_{model._meta.model_name}_changelist"), {name: value})
        for model in MODELS
        for name in parameters(model)
    ]
    assert broken(client, asked) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_link_fills_into_a_form(client, value):
    asked = []
    for model in MODELS:
        if site._registry[model].add_form_template is None:
            names = {field.name for field in model._meta.get_fields()} | {"channel", "template"}
            address = reverse(f"admin:broadcasts_{model._meta.model_name}_add")
            asked.append((address, dict.fromkeys(sorted(names), value)))
            asked.append((address, {"_to_field": value}))
    assert broken(client, asked) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_a_parameter_of_a_page_of_its_own(client, value):
    rows = {model: model._meta.default_manager.first().pk for model in (Broadcast, Contact)}
    asked = []
    for name, names in OF_PAGES.items():
        try:
            address = reverse(f"admin:broadcasts_{name}")
        except Exception:
            address = reverse(f"admin:broadcasts_{name}", args=[rows.get(Contact if "contact" in name else Broadcast)])
        asked += [(address, {parameter: value}) for parameter in names]
    picker = {"app_label": "broadcasts", "model_name": "broadcast", "field_name": "retarget_of"}
    asked += [(reverse("admin:autocomplete"), {**picker, name: value}) for name in (*picker, "term", "page")]
    assert broken(client, asked) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_what_a_form_says_is_picked_or_ticked(client, value):
    segment = Segment.objects.get(kind="static")
    address = reverse("admin:broadcasts_segmentmember_add")
    for data in ({"segment": value, "contact": value}, {"segment": segment.pk, "contact": value}):
        assert client.post(address, data).status_code == 200
    ticked = {"action": "delete_selected", "_selected_action": [value]}
    assert client.post(reverse("admin:broadcasts_segment_changelist"), ticked).status_code < 500
