"""One broadcast on several channels, on the pages of staff."""

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from broadcasts.models import Batch, Broadcast, Channel, Delivery, MessageTranslation
from tests.make import make_contact

from .conftest import NOW, make_log, sign_in
from .test_broadcast_form import ADD, change, content, form

POLICY = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": "10"}


@pytest.fixture
def sms(club):
    return Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")


@pytest.fixture
def both(draft, sms):
    """A draft by mail and by text."""
    message = draft.messages.create(channel=sms, position=1)
    message.translations.create(language="en", text="Closed")
    return draft


@pytest.fixture
def chain(mail, sms):
    """A copy that was not delivered by mail in time, and the one by text that replaced it."""
    fields = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": 10}
    broadcast, [first] = make_log(mail, ["sent"], **fields)
    second = broadcast.messages.create(channel=sms, position=1)
    copy = {"contact": first.contact, "status": "sent", "sent_at": NOW, "replaces": first.pk}
    last = Delivery.objects.create(message=second, **copy)
    counters = {"total": 1, "sent": 1, "fallbacks": 1, "repeats": 1}
    Batch.objects.create(message=second, state="done", first_id=last.pk, last_id=last.pk, **counters)
    return broadcast, first, last


def press(client, broadcast, name):
    """Press a button of a draft's page, with nothing changed."""
    first = broadcast.first_message()
    one = first.translations.get()
    data = form(broadcast.organization, name=broadcast.name, channel=first.channel_id, _then=name)
    return client.post(change(broadcast), data | content(("en", one.subject, one.text), initial=1, ids=[one.pk]))


def text_of(response):
    return " ".join(strip_tags(response.content.decode()).split())


def test_the_policy_is_chosen_with_its_fields(author, mail):
    sign_in(author.user).post(reverse(ADD), form(mail.organization, **POLICY))
    broadcast = Broadcast.objects.get()
    assert (broadcast.channel_policy, broadcast.fallback_fact, broadcast.fallback_minutes) == (
        "fallback",
        "delivered",
        10,
    )


def test_the_page_says_that_an_earlier_copy_may_arrive_late(author, mail):
    told = text_of(sign_in(author.user).get(reverse(ADD)))
    assert "an earlier copy may still arrive late: then the person has both." in told


def test_minutes_without_a_fact_are_refused_at_their_field(author, mail):
    response = sign_in(author.user).post(reverse(ADD), form(mail.organization, **{**POLICY, "fallback_fact": ""}))
    assert list(response.context["adminform"].form.errors) == ["fallback_fact"]
    assert not Broadcast.objects.exists()


def test_a_channel_is_moved_up_by_its_button(author, both):
    second = both.messages.last()
    response = press(sign_in(author.user), both, f"up-{second.pk}")
    assert response.url == f"{change(both)}#channels"
    assert list(both.messages.values_list("channel__name", flat=True)) == ["SMS", "Newsletter"]
    assert both.messages.first() == second and MessageTranslation.objects.count() == 2


def test_a_channel_is_added_and_removed_from_the_page(author, both):
    client = sign_in(author.user)
    add = press(client, both, "another").url
    assert add == f"{reverse('admin:broadcasts_message_add')}?broadcast={both.pk}&position=2"
    assert client.get(add).status_code == 200
    second = both.messages.last()
    remove = press(client, both, f"remove-{second.pk}").url
    assert client.post(remove, {"post": "yes"}).url == f"{change(both)}#channels"
    assert both.messages.count() == 1


def test_who_may_not_write_is_offered_no_button(viewer, both):
    page = sign_in(viewer.user).get(change(both)).content.decode()
    assert "SMS" in page and "_then" not in page


def test_recipients_are_counted_by_channel_and_who_could_fall_back(author, both):
    both.channel_policy = "fallback"
    both.save()
    make_contact(both.organization, phone="+34600111222")
    address = reverse("admin:broadcasts_broadcast_recipients", args=[both.pk])
    page = sign_in(author.user).get(address)
    assert page.context["channels"] == [("Newsletter", 2, None), ("SMS", 0, 1)]
    assert "May fall back to it" in text_of(page)


def test_the_strip_counts_people_once_and_copies_by_channel(viewer, chain, tracked):
    broadcast, *_ = chain
    strip = sign_in(viewer.user).get(reverse("admin:broadcasts_broadcast_progress", args=[broadcast.pk])).json()
    assert (strip["recipients"], strip["done"]) == (1, 1)
    assert {one["name"]: one["value"] for one in strip["numbers"]}["fallbacks"] == 1
    rows = [{one["label"]: one["value"] for one in row["numbers"]} for row in strip["channels"]]
    assert [(row["Sent"], row["Fallbacks"], row["Delivered"]) for row in rows] == [(1, 0, 0), (1, 1, None)]
    assert "Fallbacks" in text_of(sign_in(viewer.user).get(change(broadcast)))


def test_the_number_of_fallback_copies_leads_to_them(viewer, chain):
    broadcast, _, last = chain
    strip = sign_in(viewer.user).get(reverse("admin:broadcasts_broadcast_progress", args=[broadcast.pk])).json()
    [number] = [one for one in strip["numbers"] if one["name"] == "fallbacks"]
    shown = sign_in(viewer.user).get(number["url"]).context["cl"].result_list
    assert [row.pk for row in shown] == [last.pk]


def test_the_page_of_a_copy_shows_the_others_of_its_chain(viewer, chain):
    _, first, last = chain
    client = sign_in(viewer.user)
    why = "Not delivered by Newsletter within 10 min, so it was sent by SMS."
    for here, other in ((first, last), (last, first)):
        page = client.get(reverse("admin:broadcasts_delivery_change", args=[here.pk]))
        assert why in text_of(page)
        assert reverse("admin:broadcasts_delivery_change", args=[other.pk]) in page.content.decode()


def test_the_log_of_one_broadcast_links_the_copies_of_a_chain(viewer, chain):
    broadcast, first, last = chain
    page = sign_in(viewer.user).get(reverse("admin:broadcasts_delivery_changelist"), {"broadcast": broadcast.pk})
    assert "Newsletter, then the next" in text_of(page) and "SMS, after another" in text_of(page)
    for one, words in ((last, "then the next"), (first, "after another")):
        goal = reverse("admin:broadcasts_delivery_change", args=[one.pk])
        assert f'<a href="{goal}">{words}</a>' in page.content.decode()


def test_the_page_of_a_copy_says_why_no_channel_took_over(viewer, chain):
    _, first, last = chain
    last.delete()
    Delivery.objects.filter(pk=first.pk).update(status="failed", error="550 no such user")
    page = sign_in(viewer.user).get(reverse("admin:broadcasts_delivery_change", args=[first.pk]))
    assert "550 no such user. No further channel could take over (SMS: no address for this channel)." in text_of(page)


def test_the_strip_says_until_when_a_delivery_is_waited_for(viewer, mail, tracked):
    policy = {"channel_policy": "fallback", "fallback_fact": "delivered", "fallback_minutes": 10}
    broadcast, [copy] = make_log(mail, ["sent"], status="SENDING", **policy)
    Delivery.objects.filter(pk=copy.pk).update(fallback_at="2031-01-01T09:00Z")
    strip = sign_in(viewer.user).get(reverse("admin:broadcasts_broadcast_progress", args=[broadcast.pk])).json()
    assert strip["waiting"] == (
        "Every copy has been sent. The next channel takes over where one is not delivered: 1 Jan 2031, 09:00 UTC."
    )
