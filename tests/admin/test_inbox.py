"""The inbox: found by person, text, channel and broadcast, and on the contact's own page."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts.models import AutoReply, Inbound
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import sign_in

LIST = reverse("admin:broadcasts_inbound_changelist")


@pytest.fixture
def joe(club):
    return make_contact(club, phone="+34600111222", full_name="Joe Bloggs")


@pytest.fixture
def replies(mail, joe):
    """Joe's yes to a broadcast, a week old, and a question of somebody unknown."""
    copy = make_delivery(make_broadcast(mail, subject="Pool closed"), joe)
    fields = {"organization": mail.organization, "channel": mail}
    yes = Inbound.objects.create(
        **fields, contact=joe, delivery=copy, broadcast=copy.message.broadcast, text="Yes please", address="34600111222"
    )
    Inbound.objects.filter(pk=yes.pk).update(created=timezone.now() - timedelta(days=8))
    who = Inbound.objects.create(**fields, text="<b>Who</b> is this?", address="34600999999")
    return yes, who


def shown(member, **asked):
    response = sign_in(member.user).get(LIST, asked)
    assert response.status_code == 200
    return [row.text for row in response.context["cl"].result_list]


def test_the_inbox_shows_replies_newest_first(viewer, replies):
    response = sign_in(viewer.user).get(LIST)
    text = response.content.decode()
    assert [row.text for row in response.context["cl"].result_list] == ["<b>Who</b> is this?", "Yes please"]
    assert "&lt;b&gt;Who" in text and "<b>Who" not in text
    assert "Joe Bloggs" in text and "34600999999" in text and "Pool closed" in text


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("please", ["Yes please"]),
        ("blog", ["Yes please"]),
        ("+34600999999", ["<b>Who</b> is this?"]),
        ("nothing", []),
    ],
)
def test_replies_are_found_by_text_person_and_address(viewer, replies, typed, found):
    assert shown(viewer, q=typed) == found


def test_replies_are_filtered_by_channel_broadcast_date_and_contact(viewer, replies, joe, mail):
    yes, _ = replies
    assert len(shown(viewer, channel=mail.pk)) == 2
    assert shown(viewer, broadcast=yes.broadcast_id) == shown(viewer, contact=joe.pk) == ["Yes please"]
    assert shown(viewer, days=7) == ["<b>Who</b> is this?"]


def test_the_inbox_of_others_is_empty(stranger, replies, mail):
    assert shown(stranger) == shown(stranger, q="please") == shown(stranger, channel=mail.pk) == []
    page = reverse("admin:broadcasts_inbound_change", args=[replies[0].pk])
    assert sign_in(stranger.user).get(page).status_code in (302, 404)


def test_the_inbox_takes_the_same_queries_whatever_its_length(viewer, replies, mail, django_assert_max_num_queries):
    client = sign_in(viewer.user)
    client.get(LIST)
    for n in range(30):
        contact = make_contact(mail.organization)
        Inbound.objects.create(organization=mail.organization, channel=mail, contact=contact, text=str(n))
    with django_assert_max_num_queries(14):
        assert len(client.get(LIST).context["cl"].result_list) == 32


def test_a_contacts_page_shows_its_replies_and_a_reply_its_copy(viewer, replies, joe):
    client = sign_in(viewer.user)
    page = client.get(reverse("admin:broadcasts_contact_change", args=[joe.pk])).content.decode()
    assert "Yes please" in page and f"{LIST}?contact={joe.pk}" in page
    row = client.get(reverse("admin:broadcasts_inbound_change", args=[replies[0].pk])).content.decode()
    assert reverse("admin:broadcasts_delivery_change", args=[replies[0].delivery_id]) in row


def test_a_reply_says_what_became_of_our_answer(viewer, replies, mail):
    _, who = replies
    AutoReply.objects.create(inbound=who, channel=mail, keyword="stop", due_at=None, error="The contact is blocked.")
    page = sign_in(viewer.user).get(reverse("admin:broadcasts_inbound_change", args=[who.pk])).content.decode()
    assert "To STOP: not sent. The contact is blocked." in page
