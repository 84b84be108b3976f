"""Whole broadcasts from expressions to Liquid, by the command: exactly, or not at all."""

import pytest
from django.core.management import CommandError, call_command

from broadcasts.exceptions import WrongState
from broadcasts.translating import translate_broadcast
from tests.make import make_broadcast


@pytest.fixture
def greeting(mail):
    broadcast = make_broadcast(mail, subject="For @contact.name", body='@(default(contact.name, "friend"))')
    message = broadcast.messages.get()
    message.syntax, message.parameters = "expressions", {"note": ["@contact.name"]}
    message.save()
    return broadcast


def test_a_broadcast_is_translated_with_all_its_fields(greeting, capsys):
    call_command("translate_syntax", greeting.uuid)
    message = greeting.messages.get()
    content = message.translations.get()
    assert (message.syntax, content.subject) == ("liquid", "For {{ contact.name }}")
    assert content.text == '{{ contact.name | default: "friend" }}'
    assert message.parameters == {"note": ["{{ contact.name }}"]}
    assert "en.subject:\n    For {{ contact.name }}" in capsys.readouterr().out


def test_a_dry_run_saves_nothing(greeting, capsys):
    call_command("translate_syntax", greeting.uuid, "--dry-run")
    assert greeting.messages.get().syntax == "expressions"
    assert "For {{ contact.name }}" in capsys.readouterr().out


def test_what_is_not_exact_is_named_and_nothing_changes(greeting):
    greeting.messages.get().translations.update(text="Hi\n@(title(contact.name))")
    with pytest.raises(CommandError, match=r"en\.text: line 2, column 8: title has no exact counterpart"):
        call_command("translate_syntax", greeting.uuid)
    content = greeting.messages.get().translations.get()
    assert content.subject == "For @contact.name"


def test_a_broadcast_that_has_begun_or_is_in_liquid_is_refused(greeting, mail):
    with pytest.raises(CommandError, match="Nothing in it is written in expressions"):
        call_command("translate_syntax", make_broadcast(mail).uuid)
    greeting.status = "SENT"
    greeting.save()
    with pytest.raises(WrongState):
        translate_broadcast(greeting)
