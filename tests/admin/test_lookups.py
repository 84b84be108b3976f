"""What an address may ask a list for: what the list itself offers, and no column besides."""

import itertools

import pytest
from django.contrib.admin import site
from django.db.models import DateTimeField
from django.urls import reverse

from broadcasts.models import ApiToken, User
from tests.make import make_token

from .conftest import MODELS, sign_in

LOOKUPS = ("", "__exact", "__startswith", "__regex", "__gt", "__in", "__isnull", "__contains", "__date")
SECRETS = ("password", "digest", "secret", "hash", "token")


def paths(model, deep=2):
    """The names of all columns of a model and of those that it is related to, in both directions."""
    for field in model._meta.get_fields(include_hidden=False):
        name = field.name if field.concrete else field.get_accessor_name() and field.name
        if field.is_relation and deep and field.related_model:
            yield from (f"{name}__{rest}" for rest in paths(field.related_model, deep - 1))
        elif field.concrete:
            yield name


def offered(model_admin, request):
    """What a list's own filters ask by."""
    names = set()
    for one in model_admin.get_list_filter(request):
        names |= {one, f"{one}__exact", f"{one}__isnull"} if isinstance(one, str) else {one.parameter_name}
    return names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_no_column_of_any_model_can_be_asked_for_but_what_is_offered(model, rf, root):
    request = rf.get("/")
    request.user = root
    model_admin = site.get_model_admin(model)
    asked = {f"{path}{lookup}" for path, lookup in itertools.product(paths(model), LOOKUPS)}
    allowed = {one for one in asked if model_admin.lookup_allowed(one, "x", request)}
    assert len(asked) > 20
    assert allowed <= offered(model_admin, request)
    assert not [one for one in allowed for secret in SECRETS if secret in one]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_a_list_refuses_to_be_asked_by_its_columns(model, admin, root):
    address = reverse(f"admin:broadcasts_{model._meta.model_name}_changelist")
    columns = [field for field in model._meta.concrete_fields if not field.is_relation]
    asked = [f"{field.name}__{'gt' if isinstance(field, DateTimeField) else 'regex'}" for field in columns]
    for client, name in itertools.product((sign_in(admin.user), sign_in(root)), asked):
        assert client.get(address, {name: "^p"}).status_code == 400, (model, name)


def test_the_hash_of_an_operators_password_cannot_be_read_letter_by_letter(admin, root):
    client = sign_in(admin.user)
    for name in (
        "password__regex",
        "password__startswith",
        "email__startswith",
        "is_superuser__exact",
        "last_login__gt",
    ):
        answers = {client.get(reverse("admin:broadcasts_user_changelist"), {name: one}).status_code for one in "1p"}
        assert answers == {400}, name


@pytest.mark.parametrize("param", ["_popup", "_to_field", "e", "o", "all", "p"])
def test_no_parameter_of_lists_opens_the_way_to_a_column(param, admin, viewer):
    make_token(admin)
    params = {param: "digest" if param == "_to_field" else "1", "digest__startswith": ApiToken.objects.get().digest[:2]}
    assert sign_in(admin.user).get(reverse("admin:broadcasts_apitoken_changelist"), params).status_code == 400


def test_no_search_reaches_a_secret(admin):
    for model in MODELS:
        fields = site.get_model_admin(model).search_fields
        assert not [one for one in fields for secret in SECRETS if secret in one], model
    make_token(admin)
    address = reverse("admin:broadcasts_apitoken_changelist")
    found = sign_in(admin.user).get(address, {"q": ApiToken.objects.get().digest[:12]}).context["cl"].result_list
    assert list(found) == []


def test_autocomplete_cannot_be_asked_for_a_column(admin, root):
    field = {"app_label": "broadcasts", "model_name": "apitoken", "field_name": "user"}
    client = sign_in(admin.user)
    ask = {**field, "term": "", "password__startswith": "x", "_to_field": "password"}
    offered = client.get(reverse("admin:autocomplete"), ask).json()["results"]
    assert [one["id"] for one in offered] == [str(admin.user_id)]
    assert User.objects.count() == 2
