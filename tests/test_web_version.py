"""A mail in the browser: the copy of one person, behind the link that came in it."""

import pytest

from broadcasts import links
from broadcasts.models import Delivery, MessageTranslation
from tests.make import make_broadcast, make_contact, make_delivery


@pytest.fixture
def delivery(mail):
    broadcast = make_broadcast(mail)
    html = '<html><body><p>Hello {{ contact.name }}</p><a href="{{ web_url }}">Browser</a></body></html>'
    MessageTranslation.objects.filter(message__broadcast=broadcast).update(html=html)
    joe = make_contact(mail.organization, email="joe@example.com", full_name="Joe <b>")
    return make_delivery(broadcast, joe, status="sent")


@pytest.fixture
def url(delivery):
    return f"/w/{links.delivery_token(delivery.pk)}/"


def test_the_link_in_a_mail_shows_that_copy(client, delivery, url):
    answer = client.get(url)
    assert answer.status_code == 200 and "Hello Joe &lt;b&gt;" in answer.text
    assert links.web_url(links.delivery_token(delivery.pk)) in answer.text


def test_nothing_in_it_runs_or_is_kept(client, url):
    answer = client.get(url)
    assert (
        "default-src 'none'" in answer["Content-Security-Policy"]
        and "allow-scripts" not in answer["Content-Security-Policy"]
    )
    assert "sandbox" in answer["Content-Security-Policy"] and "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow" and answer["Referrer-Policy"] == "no-referrer"


def test_a_text_is_shown_as_words(client, delivery, url):
    MessageTranslation.objects.update(html="", text="Hello <i>{{ contact.name }}</i>")
    assert "Hello &lt;i&gt;Joe &lt;b&gt;&lt;/i&gt;" in client.get(url).text


def test_it_is_not_measured(client, delivery, url):
    delivery.message.track_opens = delivery.message.track_clicks = True
    delivery.message.save()
    MessageTranslation.objects.update(html='<a href="https://club.example/x">x</a>')
    text = client.get(url).text
    assert '"https://club.example/x"' in text and "/o/" not in text


@pytest.mark.parametrize("change", [{"status": "pending"}, {"status": "skipped"}, {"contact": None}])
def test_what_never_left_or_is_of_an_erased_person_is_a_bad_link(client, delivery, url, change):
    Delivery.objects.update(**change)
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("token", ["x", "a" * 40, links.MEDIA_DAYS])
def test_a_link_that_is_not_ours_is_a_plain_404(client, db, token):
    assert client.get(f"/w/{token}/").status_code == 404


def test_content_that_cannot_be_rendered_any_more_is_a_bad_link(client, delivery, url):
    MessageTranslation.objects.update(html="{{ contact.name | nofilter }}")
    assert client.get(url).status_code == 404


def test_the_link_of_a_test_send_says_so(client, db):
    answer = client.get(f"/w/{links.delivery_token(links.TEST_SEND)}/")
    assert answer.status_code == 200 and "test message" in answer.text


def test_it_changes_nothing(client, url):
    assert client.post(url).status_code == 405
