"""Channels: what is special on their pages."""

import socket
from datetime import timedelta
from threading import Thread

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts.models import (
    Channel,
)
from broadcasts.transports import TransportError

from .conftest import make_log, messages_of, sign_in
from .test_other_pages import page


def channel_form(mail, **fields):
    data = {
        "organization": mail.organization_id,
        "kind": "email",
        "name": "Newsletter",
        "from_address": "news@club.example",
        "is_active": "on",
        "is_default": "on",
        **{f"setting_{name}": field.initial for name, field in mail.transport_class.settings_form.base_fields.items()},
        **{f"setting_{name}": value for name, value in mail.settings.items()},
        **fields,
    }
    return {name: value for name, value in data.items() if value is not None}


def test_an_e_mail_channel_that_sends_to_phones_is_refused_at_its_field(admin, mail):
    data = channel_form(mail, address_field="phone")
    response = sign_in(admin.user).post(page("channel", "change", mail.pk), data)
    assert "sends to e-mail addresses" in str(response.context["adminform"].form.errors["address_field"])


def test_a_channel_is_made_with_the_settings_of_its_kind(admin, mail):
    data = channel_form(mail, name="Second", is_default="", setting_username="me", setting_password="secret")
    sign_in(admin.user).post(page("channel", "add"), data)
    channel = Channel.objects.get(name="Second")
    assert channel.settings["username"] == "me"
    assert channel.secrets == {"password": "secret"}


def test_a_secret_is_never_shown_and_kept_when_left_blank(admin, mail):
    mail.configure({**mail.settings, "username": "me", "password": "hush-hush"})
    mail.save()
    client = sign_in(admin.user)
    assert "hush-hush" not in client.get(page("channel", "change", mail.pk)).content.decode()
    client.post(page("channel", "change", mail.pk), channel_form(mail, setting_username="me", setting_password=""))
    assert Channel.objects.get(pk=mail.pk).secrets == {"password": "hush-hush"}


def test_a_wrong_setting_is_told_next_to_its_field(admin, mail):
    response = sign_in(admin.user).post(page("channel", "change", mail.pk), channel_form(mail, setting_port="x"))
    assert "setting_port" in response.context["adminform"].form.errors


def test_the_limits_of_a_channel_are_written_in_its_form(admin, mail):
    limits = {"rate": "50", "domain_rates": '{"gmail.com": 20}', "ramp": '{"start": 200, "growth": 1.5}'}
    sign_in(admin.user).post(page("channel", "change", mail.pk), channel_form(mail, **limits))
    mail.refresh_from_db()
    assert (mail.rate, mail.domain_rates, mail.ramp["start"]) == (50, {"gmail.com": 20}, 200)


def test_a_wrong_limit_is_told_beside_its_field(admin, mail):
    data = channel_form(mail, domain_rates='{"gmail.com": -1}')
    text = sign_in(admin.user).post(page("channel", "change", mail.pk), data).content.decode()
    assert "give messages per second, from 0.001 to 100,000" in text


def test_why_a_channel_rests_is_shown(admin, mail):
    Channel.objects.update(ramp={"start": 200, "growth": 1}, resting_until=timezone.now() + timedelta(hours=1))
    text = sign_in(admin.user).get(page("channel", "change", mail.pk)).content.decode()
    assert "Its warm-up allows 200 messages today" in text


def test_a_second_channel_of_the_same_name_is_refused_in_words(admin, mail):
    response = sign_in(admin.user).post(page("channel", "add"), channel_form(mail, name="NEWSLETTER", is_default=""))
    assert "There is a channel of this name already" in response.content.decode()


def test_a_viewer_sees_a_channel_without_its_secrets(viewer, mail):
    mail.configure({**mail.settings, "username": "me", "password": "hush-hush"})
    mail.save()
    text = sign_in(viewer.user).get(page("channel", "change", mail.pk)).content.decode()
    assert "127.0.0.1" in text
    assert "hush-hush" not in text


def test_a_channel_chooses_among_the_backends_that_the_operator_offers(admin, mail, settings):
    client, address = sign_in(admin.user), page("channel", "change", mail.pk)
    assert "setting_backend" not in client.get(address).content.decode()
    settings.EMAIL_BACKENDS = {"Memory": "django.core.mail.backends.locmem.EmailBackend"}
    assert '<option value="Memory">' in client.get(address).content.decode()
    client.post(address, channel_form(mail, setting_backend="Memory"))
    mail.refresh_from_db()
    assert mail.settings["backend"] == "Memory"


def test_a_backend_that_is_not_offered_is_refused_beside_its_field(admin, mail):
    data = channel_form(mail, setting_backend="unittest.__main__")
    response = sign_in(admin.user).post(page("channel", "change", mail.pk), data)
    assert "EMAIL_BACKENDS" in str(response.context["adminform"].form.errors["setting_backend"])


def test_a_stored_backend_that_is_not_offered_any_more_is_told(admin, mail):
    Channel.objects.update(settings={"backend": "club.mail.Backend"})
    text = sign_in(admin.user).get(page("channel", "change", mail.pk)).content.decode()
    assert "The stored choice “club.mail.Backend” is not offered any more" in text


def test_the_form_of_an_e_mail_service_names_the_fields_that_are_for_some_services(admin):
    response = sign_in(admin.user).get(f"{page('channel', 'add')}?kind=email_service")
    text = response.content.decode()
    assert 'data-only-for="mailgun" data-chosen-by="service"' in text and "only_for.js" in text
    assert '<option value="postmark">Postmark</option>' in text


def test_an_e_mail_service_is_told_what_it_needs_beside_the_field(admin):
    data = {
        "kind": "email_service",
        "name": "Mailgun",
        "from_address": "news@club.example",
        "setting_service": "mailgun",
    }
    response = sign_in(admin.user).post(f"{page('channel', 'add')}?kind=email_service", data)
    errors = response.context["adminform"].form.errors
    assert errors["setting_domain"] == errors["setting_api_key"] == ["Mailgun needs it."]


def test_a_check_tells_no_word_of_a_service_that_is_none_for_mail(admin, mail):
    with socket.create_server(("127.0.0.1", 0)) as server:
        Channel.objects.update(settings={**mail.settings, "port": server.getsockname()[1]})
        Thread(target=lambda: server.accept()[0].sendall(b"SSH-2.0-Secret\r\n"), daemon=True).start()
        response = sign_in(admin.user).post(reverse("admin:broadcasts_channel_check", args=[mail.pk]), follow=True)
    assert "did not answer like a mail server" in messages_of(response)
    assert "Secret" not in messages_of(response)


def test_a_check_of_a_private_network_says_what_the_operator_can_do(admin, mail, settings):
    settings.OPEN_NETWORKS = []
    response = sign_in(admin.user).post(reverse("admin:broadcasts_channel_check", args=[mail.pk]), follow=True)
    assert "leads to a loopback address" in messages_of(response)
    assert "OPEN_NETWORKS" in messages_of(response)


@pytest.mark.parametrize("error", [None, TransportError("535 authentication failed", account=True)])
def test_a_connection_can_be_checked_without_sending(admin, mail, monkeypatch, error):
    def check(self):
        if error:
            raise error

    monkeypatch.setattr(mail.transport_class, "check", check)
    response = sign_in(admin.user).post(reverse("admin:broadcasts_channel_check", args=[mail.pk]), follow=True)
    assert ("535 authentication failed" if error else "is ready") in messages_of(response)


def test_only_a_manager_checks_a_connection_and_only_by_post(admin, author, mail):
    address = reverse("admin:broadcasts_channel_check", args=[mail.pk])
    assert sign_in(author.user).post(address).status_code == 404
    assert sign_in(admin.user).get(address).status_code == 405


def test_a_channel_in_use_is_not_deleted_and_says_why(admin, mail):
    make_log(mail)
    response = sign_in(admin.user).post(page("channel", "delete", mail.pk), {"post": "yes"}, follow=True)
    assert Channel.objects.exists()
    assert response.status_code == 200
