"""The published Python client of RapidPro, unchanged, against a running server."""

import pytest
from temba_client.exceptions import TembaBadRequestError, TembaNoSuchObjectError, TembaTokenError
from temba_client.v2 import TembaClient

from broadcasts import sending
from broadcasts.models import Attribute, Delivery
from tests.make import make_token

from .conftest import finish

PHONE = "tel:+34600111222"


@pytest.fixture
def temba(live_server, admin, mail) -> TembaClient:
    return TembaClient(live_server.url, make_token(admin))


def test_01_a_broadcast_is_made_and_listed(temba):
    assert temba.get_broadcasts().all() == []
    made = temba.create_broadcast("hi", urns=[PHONE])
    assert (made.text, made.urns, made.status) == ({"eng": "hi"}, [PHONE], "pending")
    [found] = temba.get_broadcasts(uuid=made.uuid, after=made.created_on, before=made.created_on).all()
    assert found.serialize() == made.serialize()


def test_02_a_bad_token_is_told_as_such(live_server, club):
    with pytest.raises(TembaTokenError):
        TembaClient(live_server.url, "x").get_broadcasts().all()


def test_errors_name_their_field(temba):
    with pytest.raises(TembaBadRequestError) as told:
        temba.create_broadcast("hi", urns=[])
    assert str(told.value) == "Must provide either urns, contacts or groups."


def test_19_contacts_round_trip(temba, club):
    Attribute.objects.create(organization=club, key="age", type="number")
    friends = temba.create_group("Friends")
    joe = temba.create_contact(name="Joe", language="spa", urns=[PHONE], fields={"age": 34}, groups=[friends])
    assert (joe.name, joe.language, joe.urns, joe.fields) == ("Joe", "spa", [PHONE], {"age": 34})
    assert temba.update_contact(PHONE, name="Joseph").name == "Joseph"
    [found] = temba.get_contacts(group="friends").all()
    assert (found.uuid, found.groups[0].name) == (joe.uuid, "Friends")
    temba.delete_contact(joe)
    assert temba.get_contacts().all() == []


def test_19_groups_and_fields_round_trip(temba):
    group = temba.create_group("Friends")
    assert temba.update_group(group, name="Best friends").name == "Best friends"
    assert [one.uuid for one in temba.get_groups(name="best friends").all()] == [group.uuid]
    temba.delete_group(group)
    with pytest.raises(TembaNoSuchObjectError):
        temba.delete_group(group)
    assert temba.create_field("Shoe size", "number").key == "shoe_size"
    assert temba.update_field("shoe_size", name="Shoes", type="text").name == "Shoes"
    assert [one.key for one in temba.get_fields().all()] == ["shoe_size"]


def test_19_the_workspace_channels_and_globals(temba, club, mail):
    club.globals = {"org_name": "The Club"}
    club.save()
    assert (temba.get_org().name, temba.get_org().primary_language) == ("Swimming Club", "eng")
    assert [one.uuid for one in temba.get_channels().all()] == [str(mail.uuid)]
    assert [one.value for one in temba.get_globals().all()] == ["The Club"]


def test_contacts_are_acted_on_together(temba):
    friends = temba.create_group("Friends")
    joe = temba.create_contact(name="Joe", urns=[PHONE])
    temba.bulk_add_contacts([joe], friends)
    assert temba.get_contacts(uuid=joe.uuid).first().groups[0].name == "Friends"
    temba.bulk_remove_contacts([joe], friends)
    temba.bulk_block_contacts([joe])
    assert temba.get_contacts(uuid=joe.uuid).first().status == "blocked"
    temba.bulk_unblock_contacts([joe])
    temba.bulk_interrupt_contacts([joe])
    temba.bulk_delete_contacts([joe])
    assert temba.get_contacts().all() == []


def test_21_messages_tell_what_became_of_them(temba, server):
    made = temba.create_broadcast("hi", urns=["mailto:joe@example.com"])
    finish()
    sending.tick()
    [found] = temba.get_messages(folder="sent").all()
    assert (found.status, found.urn, found.text.strip()) == ("wired", "mailto:joe@example.com", "hi")
    Delivery.objects.update(delivered_at="2030-01-01T00:00:00Z")
    assert temba.get_messages(uuid=found.uuid).first().status == "delivered"
    assert temba.get_broadcasts(uuid=made.uuid).first().status == "completed"
