"""Fields that people are picked in show their addresses too."""

import re

from django.urls import reverse

from tests.make import make_broadcast, make_contact


def test_a_picker_offers_people_by_name_and_address(client, admin, club):
    make_contact(club, "ana@example.com", full_name="Ana García")
    client.force_login(admin.user)
    asked = {"app_label": "broadcasts", "model_name": "segmentmember", "field_name": "contact", "term": "garcia"}
    offered = client.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [each["text"] for each in offered] == ["Ana García <ana@example.com>"]


def test_those_picked_are_shown_by_name_and_address(client, admin, mail):
    draft = make_broadcast(mail)
    draft.contacts.add(make_contact(mail.organization, "ana@example.com", full_name="Ana García"))
    client.force_login(admin.user)
    page = client.get(reverse("admin:broadcasts_broadcast_change", args=[draft.pk])).content.decode()
    assert re.search(r"selected>Ana García &lt;ana@example\.com&gt;<", page)


def test_a_picker_that_no_field_is_for_is_refused(client, admin):
    client.force_login(admin.user)
    asked = {"app_label": "broadcasts", "model_name": "channel", "field_name": "template", "term": ""}
    assert client.get(reverse("admin:autocomplete"), asked).status_code == 403
