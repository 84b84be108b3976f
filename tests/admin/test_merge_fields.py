"""The menu of merge fields of the editors."""

from django.urls import reverse

from broadcasts.models import Attribute, Channel
from tests.make import make_broadcast, make_contact

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


def test_recipients_without_a_value_are_counted_and_listed(author, club, mail):
    make_contact(club, "ann@example.com", full_name="Ann Lee")
    make_contact(club, "bob@example.com", full_name="")
    broadcast = make_broadcast(mail, subject="Hi {{ contact.first_name }}", body="Hello", send_to_all=True)
    page = f"/admin/broadcasts/broadcast/{broadcast.pk}/recipients/lacking/"
    client = sign_in(author.user)
    told = client.get(page).content.decode()
    assert "First name <code>contact.first_name</code>" in told
    assert 'href="?field=contact.first_name&amp;counted=1">1</a> of 2' in told
    listed = client.get(page, {"field": "contact.first_name"}).content.decode()
    assert "bob@example.com" in listed and "ann@example.com" not in listed


def test_a_broadcast_of_others_has_no_such_page(author, elsewhere):
    channel = Channel.objects.create(organization=elsewhere, name="Theirs", kind="console")
    page = f"/admin/broadcasts/broadcast/{make_broadcast(channel).pk}/recipients/lacking/"
    assert sign_in(author.user).get(page).status_code in (302, 403, 404)
