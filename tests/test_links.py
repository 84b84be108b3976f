import pytest

from broadcasts import links


@pytest.mark.parametrize("number", [0, 1, 255, 256, 10**6, 2**63 - 1])
def test_a_token_stands_for_its_delivery(number):
    token = links.delivery_token(number)
    assert links.delivery_id(token) == number
    assert len(token) <= 22 and token.replace("-", "").replace("_", "").isalnum()


def test_every_changed_character_breaks_a_token():
    token = links.delivery_token(123456)
    for at, char in enumerate(token):
        for other in "AQgwB_-9":
            if other != char:
                assert links.delivery_id(token[:at] + other + token[at + 1 :]) is None


@pytest.mark.parametrize(
    "change", [lambda t: t + "=", lambda t: t + "A", lambda t: t[1:], lambda t: f"A{t}", str.swapcase]
)
def test_there_is_one_way_to_write_a_token(change):
    assert links.delivery_id(change(links.delivery_token(123456))) is None


@pytest.mark.parametrize("token", ["", "A", "AAAAAAAAAAA", "ñandú", "%00", "../../etc", "A" * 10_000, "\x00"])
def test_what_is_no_token_is_nobody_s(token):
    assert links.delivery_id(token) is None


def test_tokens_are_signed_with_the_link_key(settings):
    token = links.delivery_token(5)
    settings.LINK_KEY = "another"
    assert links.delivery_id(token) is None


def test_links_lead_to_our_own_address(settings):
    settings.BASE_URL = "https://news.example"
    assert links.unsubscribe_url("T") == "https://news.example/u/T/"
    assert links.message_id("T", "club.example") == "<T@club.example>"


def test_the_key_of_a_copy_belongs_to_its_message():
    key = links.copy_key(links.delivery_token(123456), 7)
    assert links.opened_copy(key, 7) == 123456
    assert links.opened_copy(key, 8) is None


@pytest.mark.parametrize("key", ["", ".", "A.B", "ñ.ñ", "x" * 10_000])
def test_what_is_no_key_of_a_copy_is_nobody_s(key):
    assert links.opened_copy(key, 7) is None


def test_every_changed_character_breaks_the_key_of_a_copy():
    key = links.copy_key(links.delivery_token(123456), 7)
    changed = [key[:at] + ("A" if char != "A" else "B") + key[at + 1 :] for at, char in enumerate(key)]
    assert {links.opened_copy(one, 7) for one in [*changed, key[:-1], f"{key}="]} == {None}


def test_a_sealed_address_opens_for_its_own_link_of_its_own_copy_only():
    sealed = links.seal("https://club.example/?for=José", "copy", 5)
    assert links.unseal(sealed, "copy", 5) == "https://club.example/?for=José"
    assert links.unseal(sealed, "copy", 6) is links.unseal(sealed, "other", 5) is None


def test_a_sealed_address_tells_nothing_and_is_the_same_each_time():
    sealed = links.seal("https://club.example/", "copy", 5)
    assert sealed == links.seal("https://club.example/", "copy", 5) != links.seal("https://club.example/", "copy", 6)
    assert sealed.replace("-", "").replace("_", "").isalnum()


def test_keys_and_sealed_addresses_of_mail_already_sent_still_open(settings):
    settings.LINK_KEY = "the key that these were made with"
    key = "AeJArME-jmALXLY.RjqB0snLsQY"
    sealed = "TQfzD1cNfLHVpUjqRQr87bsTFR1oRXFT30U6ogXvwiG9BN8KMbnvC2fN8_4xVayq_AEdqqHN3nKJWrQ"
    assert links.copy_key(links.delivery_token(123456), 7) == key
    assert links.opened_copy(key, 7) == 123456
    assert links.unseal(sealed, key, 5) == "https://club.example/?for=José"


@pytest.mark.parametrize("sealed", ["", "AAAA", "ñ", "A" * 10_000, "$$$", "=" * 40])
def test_what_is_not_sealed_by_us_leads_nowhere(sealed):
    assert links.unseal(sealed, "copy", 5) is None


def test_sealed_addresses_outlive_a_rotation_of_the_secret_key(settings):
    sealed = links.seal("https://club.example/", "copy", 5)
    settings.SECRET_KEY = "another" * 10
    assert links.unseal(sealed, "copy", 5) == "https://club.example/"
    settings.LINK_KEY = "another"
    assert links.unseal(sealed, "copy", 5) is None


def test_tracked_addresses_are_at_the_tracking_domain_if_there_is_one(settings):
    settings.BASE_URL = "https://news.example"
    assert links.tracked_url(links.tracking_base(), "K", 5) == "https://news.example/t/K/5/"
    assert links.picture_url(links.tracking_base("go.club.example"), "T") == "https://go.club.example/o/T.gif"
