"""The menu of merge fields of the editors."""

from django.urls import reverse

from broadcasts.models import Attribute

from .conftest import sign_in


def names(member, **query):
    answer = sign_in(member.user).get(reverse("admin:broadcasts-fields"), query)
    return [one["name"] for one in answer.json()["fields"]]


def test_editors_are_told_the_fields_of_the_organization(author, club):
    Attribute.objects.create(organization=club, key="plan")
    assert "contact.attributes.plan" in names(author, organization=club.pk, syntax="liquid")
    assert "fields.plan" in names(author, organization=club.pk, syntax="expressions")
    assert names(author, organization=club.pk, syntax="plain") == []


def test_fields_of_others_are_not_told(author, elsewhere):
    Attribute.objects.create(organization=elsewhere, key="plan")
    assert names(author, organization=elsewhere.pk, syntax="liquid") == []
