"""How many SMS a text is: GSM 03.38 with its extension, and UCS-2."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcasts import septets
from broadcasts.septets import BASIC, EXTENSION, count, plain


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments", "left"),
    [
        ("", "gsm", 0, 1, 160),
        ("a" * 160, "gsm", 160, 1, 0),
        ("a" * 161, "gsm", 161, 2, 145),
        ("a" * 306, "gsm", 306, 2, 0),
        ("a" * 307, "gsm", 307, 3, 152),
        ("€" * 80, "gsm", 160, 1, 0),
        ("é\n" * 80, "gsm", 160, 1, 0),
        ("“" * 70, "ucs2", 70, 1, 0),
        ("“" * 71, "ucs2", 71, 2, 63),
        ("😀" * 35, "ucs2", 70, 1, 0),
    ],
)
def test_the_sizes_of_segments(text, encoding, units, segments, left):
    assert count(text) == septets.Count(
        encoding, units, segments, left, "".join(dict.fromkeys(set(text) - BASIC - EXTENSION))
    )


def test_an_escape_is_not_split_from_its_character():
    assert count("a" * 152 + "€" * 77).segments == 3  # 152 + 76 pairs + 1, though 306 units would fit into two
    assert count("a" * 153 + "€" * 76 + "a").segments == 2


def test_a_surrogate_pair_is_not_split():
    assert count("“" * 66 + "😀" * 34).segments == 3
    assert count("“" * 67 + "😀" * 33 + "“").segments == 2


def test_the_alphabet_is_that_of_the_codec():
    codec = gsm0338.Codec()
    for char in BASIC:
        assert len(codec.encode(char)[0]) == 1, repr(char)
    for char in EXTENSION:
        assert len(codec.encode(char)[0]) == 2, repr(char)


@given(st.text(max_size=500))
def test_no_text_takes_fewer_segments_than_its_units_need(text):
    told = count(text)
    single, each = septets.SIZES[told.encoding]
    assert told.segments == 1 if told.units <= single else (told.segments - 1) * (each - 1) < told.units
    assert septets.segments(text) == told.segments
    assert told.units + told.left <= max(single, told.segments * each)


def test_one_fancy_character_makes_it_longer_and_can_be_replaced():
    fancy = "“Pool closed” – see you on Monday… " * 3
    assert (count(fancy).encoding, count(fancy).segments, count(fancy).others) == ("ucs2", 2, "“”–…")
    assert (count(plain(fancy)).encoding, count(plain(fancy)).segments) == ("gsm", 1)
    assert plain("“a”–b…\u00a0c’s") == '"a"-b... c\'s'


def test_letters_of_languages_and_emoji_stay():
    assert plain("Señor Ćirić 😀 á") == "Señor Ćirić 😀 á"
