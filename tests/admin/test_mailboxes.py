"""Mailboxes: what is special on their pages."""

import pytest
from django.urls import reverse

from broadcasts.models import Channel, Mailbox, Member
from tests.imap_server import ImapServer, refuse

from .conftest import messages_of, sign_in
from .test_other_pages import page


@pytest.fixture
def mailbox(mail) -> Mailbox:
    secrets = {"password": "hush-hush"}
    return Mailbox.objects.create(channel=mail, name="Bounces", host="imap.example.org", username="u", secrets=secrets)


def filled(mail, **fields) -> dict:
    return {
        "organization": mail.organization_id,
        "name": "Bounces",
        "channel": mail.pk,
        "host": "imap.example.org",
        "port": "",
        "security": "tls",
        "username": "u",
        "sign_in": "password",
        "folder": "INBOX",
        "kept_in": "",
        "minutes": 1,
        "is_active": "on",
        **fields,
    }


def test_a_mailbox_is_added_with_a_password(admin, mail):
    sign_in(admin.user).post(page("mailbox", "add"), filled(mail, setting_password="hush-hush"))
    made = Mailbox.objects.get()
    assert (made.secrets, made.settings, made.organization) == ({"password": "hush-hush"}, {}, mail.organization)


def test_a_mailbox_is_added_with_oauth_2(admin, mail):
    settings = {"setting_token_url": "https://oauth2.googleapis.com/token", "setting_client_id": "our-id"}
    data = filled(mail, sign_in="oauth2", **settings, setting_refresh_token="granted")
    sign_in(admin.user).post(page("mailbox", "add"), data)
    made = Mailbox.objects.get()
    assert (made.secrets, made.settings["client_id"]) == ({"refresh_token": "granted"}, "our-id")


def test_what_is_missing_is_told_beside_its_field(admin, mail):
    client = sign_in(admin.user)
    response = client.post(page("mailbox", "add"), filled(mail))
    assert list(response.context["adminform"].form.errors) == ["setting_password"]
    response = client.post(page("mailbox", "add"), filled(mail, sign_in="oauth2", host="127.1"))
    errors = response.context["adminform"].form.errors
    assert {"setting_token_url", "setting_client_id", "setting_refresh_token"} <= set(errors)


def test_the_form_names_the_fields_of_each_way_to_sign_in(admin):
    text = sign_in(admin.user).get(page("mailbox", "add")).content.decode()
    assert 'data-only-for="oauth2" data-chosen-by="sign_in"' in text and "only_for.js" in text


def test_a_password_is_never_shown_and_kept_when_left_blank(admin, mail, mailbox):
    client, address = sign_in(admin.user), page("mailbox", "change", mailbox.pk)
    assert "hush-hush" not in client.get(address).content.decode()
    client.post(address, filled(mail, folder="Bounces"))
    mailbox.refresh_from_db()
    assert (mailbox.secrets, mailbox.folder) == ({"password": "hush-hush"}, "Bounces")


@pytest.mark.parametrize("fields", [{"host": "evil.example"}, {"security": "none"}, {"username": "v"}])
def test_a_password_does_not_follow_to_another_server(admin, mail, mailbox, fields):
    response = sign_in(admin.user).post(page("mailbox", "change", mailbox.pk), filled(mail, **fields))
    assert "password: This field is required." in response.content.decode()
    mailbox.refresh_from_db()
    assert (mailbox.host, mailbox.secrets) == ("imap.example.org", {"password": "hush-hush"})


def test_a_change_leaves_what_a_worker_wrote_since_the_page_was_opened(admin, mail, mailbox, monkeypatch):
    save = Mailbox.save

    def late(self, *args, **kwargs):
        Mailbox.objects.update(token=7, taken=70)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Mailbox, "save", late)
    sign_in(admin.user).post(page("mailbox", "change", mailbox.pk), filled(mail, minutes=5))
    mailbox.refresh_from_db()
    assert (mailbox.token, mailbox.taken, mailbox.minutes) == (7, 70, 5)


def test_only_e_mail_channels_of_ones_own_are_offered(admin, mail, elsewhere):
    Channel.objects.create(organization=mail.organization, name="Console", kind="console")
    Channel.objects.create(organization=elsewhere, name="Theirs", kind="email", from_address="a@b.example")
    form = sign_in(admin.user).get(page("mailbox", "add")).context["adminform"].form
    assert list(form.fields["channel"].queryset) == [mail]


def test_the_channel_of_another_organization_is_refused(root, mail, elsewhere):
    theirs = Channel.objects.create(organization=elsewhere, name="Theirs", kind="email", from_address="a@b.example")
    data = filled(mail, channel=theirs.pk, setting_password="x")
    response = sign_in(root).post(page("mailbox", "add"), data)
    assert "belongs to another organization" in response.content.decode()
    assert not Mailbox.objects.exists()


def test_a_viewer_sees_the_state_without_secrets_and_cannot_check(viewer, mail, mailbox):
    Mailbox.objects.update(failures=3, last_error="The server refused the sign-in.", taken=12_830)
    client = sign_in(viewer.user)
    text = client.get(page("mailbox", "change", mailbox.pk)).content.decode()
    for words in ("Failing: 3 times in a row", "The server refused the sign-in.", "12,830"):
        assert words in text
    assert "hush-hush" not in text and 'value="check"' not in text
    assert client.post(page("mailbox", "change", mailbox.pk), {"_then": "check"}).status_code == 403


@pytest.mark.parametrize(
    ("acts", "words"),
    [
        ({}, "“Bounces” can be read: 1,204 mails are in the folder “INBOX”."),
        ({"LOGIN": refuse("")}, "cannot be read"),
    ],
)
def test_the_button_saves_and_tells_how_many_mails_are_there(admin, mail, mailbox, acts, words):
    with ImapServer(acts, mails=1204) as server:
        where = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        data = filled(mail, **where, setting_password="x", _then="check")
        response = sign_in(admin.user).post(page("mailbox", "change", mailbox.pk), data, follow=True)
    assert words in messages_of(response)
    mailbox.refresh_from_db()
    assert mailbox.host == "127.0.0.1"


def test_the_dashboard_tells_of_a_mailbox_that_cannot_be_read(viewer, mailbox, stranger):
    Mailbox.objects.update(failures=1, last_error="The server refused the sign-in.")
    assert "refused the sign-in" in sign_in(viewer.user).get(reverse("admin:index")).content.decode()
    assert "refused the sign-in" not in sign_in(stranger.user).get(reverse("admin:index")).content.decode()


def test_a_manager_elsewhere_does_not_check_a_mailbox_that_it_only_sees(stranger, mailbox):
    Member.objects.create(user=stranger.user, organization=mailbox.organization, role="viewer")
    response = sign_in(stranger.user).post(page("mailbox", "change", mailbox.pk), {"_then": "check"})
    assert response.status_code == 403
