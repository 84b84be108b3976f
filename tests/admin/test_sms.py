"""The count beside the text of an SMS, and the forms of SMS and webhook channels."""

import pytest
from django.test import Client

from broadcasts.models import Channel, Delivery
from tests.make import make_broadcast, make_contact

URL = "/admin/sms/count/"


@pytest.fixture
def staff(admin):
    client = Client()
    admin.user.is_staff = True
    admin.user.save()
    client.force_login(admin.user)
    return client


def make_texts(organization):
    channel = Channel(organization=organization, name="Texts", kind="sms")
    settings = {"preset": "other", "base_url": "https://sms.example.org", "secret_key": "x"}
    channel.configure({**settings, "price_per_segment": "0.045", "currency": "EUR"})
    channel.save()
    return channel


@pytest.fixture
def texts(club):
    return make_texts(club)


def count(staff, channel, text):
    return staff.post(URL, {"channel": channel.pk, "text": text}).json()


def test_an_sms_is_counted_while_it_is_written(staff, texts):
    told = count(staff, texts, "“Hi”\r\n")
    assert told["line"] == (
        "1 SMS segment, 0.045 EUR per person. UCS-2: 5 used, 65 left. These characters make it longer: “ ”"
    )
    assert told["plain"] == '"Hi"\n'


def test_a_template_for_sms_is_counted_without_a_price(staff, club):
    told = staff.post(URL, {"medium": "sms", "text": "Hi"}).json()
    assert told == {"line": "1 SMS segment. GSM-7: 2 used, 158 left.", "plain": ""}


def test_what_is_no_sms_is_not_counted(staff, mail, elsewhere):
    for channel in (mail, make_texts(elsewhere)):
        assert count(staff, channel, "Hi") == {"line": ""}
    assert staff.post(URL, {"channel": "x", "text": "Hi"}).json() == {"line": ""}
    assert Client().post(URL, {"text": "Hi"}).status_code == 302


def test_the_page_of_a_broadcast_counts_its_texts(staff, texts):
    broadcast = make_broadcast(texts)
    page = staff.get(f"/admin/broadcasts/broadcast/{broadcast.pk}/change/").content.decode()
    assert f'data-sms-count="{URL}"' in page
    assert "broadcasts/sms.js" in page


def test_the_confirmation_and_the_run_page_tell_the_cost(staff, club, texts):
    make_contact(club, phone="+34600000001")
    broadcast = make_broadcast(texts, body="a" * 161)
    page = staff.get(f"/admin/broadcasts/broadcast/{broadcast.pk}/recipients/").content.decode()
    assert "About 2 SMS segments, 0.09 EUR." in page


def test_a_delivery_shows_its_segments_and_what_they_cost(staff, club, texts):
    make_contact(club, phone="+34600000001")
    message = make_broadcast(texts).messages.get()
    message.segment_price, message.currency = texts.segment_price, "EUR"
    message.save()
    delivery = Delivery.objects.create(message=message, address="+34600000001", status="sent", segments=2)
    page = staff.get(f"/admin/broadcasts/delivery/{delivery.pk}/change/").content.decode()
    assert "0.0900 EUR" in page


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("sms", {"preset": "twilio", "account": "AC1", "secret_key": "s3cret", "senders": '{"44": "Club"}'}),
        ("webhook", {"url": "https://example.org/", "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
    ],
)
def test_a_channel_is_added_by_its_form_and_its_secret_is_never_shown(staff, club, kind, settings):
    fields = {f"setting_{name}": value for name, value in settings.items()}
    given = {
        "organization": club.pk,
        "kind": kind,
        "name": "New",
        "is_active": "on",
        "domain_rates": "{}",
        "ramp": "{}",
    }
    answer = staff.post(f"/admin/broadcasts/channel/add/?kind={kind}", {**given, **fields})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    channel = Channel.objects.get(kind=kind)
    page = staff.get(f"/admin/broadcasts/channel/{channel.pk}/change/").content.decode()
    assert channel.secrets and all(secret not in page for secret in channel.secrets.values())
