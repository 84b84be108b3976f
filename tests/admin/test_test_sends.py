"""Test sends from the page of a broadcast."""

import pytest
from django.core import mail as outbox

from broadcasts import consenting
from broadcasts.models import Channel, Contact

from .conftest import confirm, messages_of, sign_in


@pytest.fixture
def in_memory(draft, settings):
    """Mail goes nowhere; tests read it in `outbox`."""
    settings.EMAIL_BACKENDS = {"Memory": "django.core.mail.backends.locmem.EmailBackend"}
    Channel.objects.update(settings={"backend": "Memory"})


def test_a_test_goes_to_the_author_and_nobody_else(author, draft, in_memory):
    response = confirm(sign_in(author.user), draft, "test", addresses="other@example.com")
    assert messages_of(response) == f"A test was sent to {author.user.email}."
    assert len(outbox.outbox) == 1


def test_a_test_through_an_unreachable_server_is_an_error_in_words(sender, draft):
    response = confirm(sign_in(sender.user), draft, "test", addresses=sender.user.email)
    assert f"No test was sent to {sender.user.email}" in messages_of(response)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("me@example.com, nonsense", "“nonsense”"),
        (" ".join(f"a{n}@example.com" for n in range(11)), "Give 1 to 10 addresses."),
    ],
)
def test_addresses_that_cannot_be_taken_stand_there_again_with_the_error(sender, draft, in_memory, written, error):
    response = confirm(sign_in(sender.user), draft, "test", addresses=written)
    assert response.redirect_chain == [] and outbox.outbox == []
    form = response.context["form"]
    assert form["addresses"].value() == written
    assert error in form.errors["addresses"][0]


def test_of_several_addresses_those_that_are_refused_are_told_and_the_others_get_it(sender, draft, in_memory):
    Contact.objects.filter(email="joe@example.com").update(status="blocked")
    consenting.suppress(draft.organization, "email", "gone@example.com", "hard_bounce")
    written = "joe@example.com, me@example.com\ngone@example.com"
    response = confirm(sign_in(sender.user), draft, "test", addresses=written)
    assert [(message.level_tag, str(message)) for message in response.context["messages"]] == [
        ("success", "A test was sent to me@example.com."),
        (
            "error",
            "No test was sent to joe@example.com: contact is blocked or archived. "
            "No test was sent to gone@example.com: the address bounced before.",
        ),
    ]
    assert [message.to for message in outbox.outbox] == [["me@example.com"]]
