from .make import make_contact


def test_a_contact_carries_a_key_and_a_hash_for_its_address(club):
    contact = make_contact(club, email="Jürgen@Bücher.example")
    assert contact.email_key == "jürgen@xn--bcher-kva.example"
    assert len(contact.email_hash) == 32
