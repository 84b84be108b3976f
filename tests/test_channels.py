import pytest
from django.core.exceptions import ValidationError

from broadcasts.models import Channel

SETTINGS = {"host": "mail.example", "username": "club", "password": "swordfish", "security": "starttls"}


@pytest.fixture
def channel(mail):
    mail.configure(SETTINGS)
    mail.save()
    return mail


def test_a_secret_is_stored_apart_and_encrypted(channel):
    assert "password" not in channel.settings
    stored = Channel.objects.filter(pk=channel.pk).extra(select={"raw": "secrets"}).values_list("raw", flat=True)
    assert "swordfish" not in str(stored[0])
    assert Channel.objects.get().secrets == {"password": "swordfish"}


def test_a_secret_that_is_not_given_is_kept(channel):
    channel.configure({**SETTINGS, "password": "", "timeout": 5})
    assert channel.secrets == {"password": "swordfish"}


def test_a_secret_is_never_sent_to_another_server(channel):
    with pytest.raises(ValidationError, match="password"):
        channel.configure({**SETTINGS, "password": "", "host": "evil.example"})


def test_an_unknown_setting_is_named_with_what_is_accepted(channel):
    with pytest.raises(ValidationError, match="hots: unknown; accepted: host"):
        channel.configure({"hots": "mail.example"})


def test_a_from_name_with_a_line_break_is_refused(channel):
    channel.from_name = "Club\r\nBcc: all@example.com"
    with pytest.raises(ValidationError, match="Line breaks"):
        channel.clean()
