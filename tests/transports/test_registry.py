import pytest

from broadcasts import transports
from broadcasts.models import FACTS

KINDS = sorted(transports.TRANSPORTS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_names_a_transport_of_that_kind(kind):
    assert issubclass(transports.transport_class(kind), transports.Transport)
    assert transports.transport_class(kind).kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_transport_speaks_to_a_medium(kind):
    assert transports.transport_class(kind).medium in {"email", "sms", "whatsapp", "webhook"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_transport_reports_facts_that_there_are(kind):
    assert transports.transport_class(kind).reports <= set(FACTS)


def test_choices_are_kinds_with_labels_that_differ():
    choices = transports.choices()
    assert [kind for kind, _ in choices] == list(transports.TRANSPORTS)
    assert len({label for _, label in choices}) == len(choices)


def test_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError):
        transports.transport_class("pigeon")


def test_a_transport_that_does_not_deliver_says_what_to_define():
    class Pigeon(transports.Transport):
        kind = "pigeon"

    with pytest.raises(NotImplementedError, match=r"Pigeon must define deliver\(\)"):
        Pigeon({}).deliver(transports.Envelope("key", "roof 3"))
