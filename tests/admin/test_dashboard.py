"""What the dashboard tells of an installation that cannot send yet."""

from django.urls import reverse

from broadcasts.models import Channel

from .conftest import sign_in


def dashboard(member) -> str:
    return sign_in(member.user).get(reverse("admin:index")).content.decode()


def test_without_a_channel_an_admin_is_led_to_adding_one(admin):
    shown = dashboard(admin)
    assert ("There is no channel yet" in shown, "All good" in shown) == (True, False)
    assert reverse("admin:broadcasts_channel_add") in shown


def test_without_a_channel_others_are_told_whom_to_ask(author):
    assert "Ask an admin to add one." in dashboard(author)


def test_with_a_channel_all_is_good(mail, admin):
    assert Channel.objects.exists()
    assert "All good" in dashboard(admin)
