"""Which language somebody is written in: a rule of plain values, and the same as SQL."""

import os

import babel
import langcodes
import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from broadcasts.audience.languages import send_language
from broadcasts.languages import (
    LANGUAGES,
    choose_language,
    language_name,
    nearest_language,
    normalize_language,
    read_language,
    written_language,
)
from broadcasts.models import Contact

EXAMPLES = os.environ.get("EXAMPLES")
bounded = settings(
    max_examples=int(EXAMPLES or 100),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink what is found takes minutes
    suppress_health_check=list(HealthCheck),
)
REAL = (
    *("en", "en-GB", "en-US", "en-AU", "es", "es-ES", "es-MX", "es-419", "fr", "fr-CA", "de", "de-AT", "pt", "pt-BR"),
    *(
        "pt-PT",
        "zh",
        "zh-CN",
        "zh-TW",
        "zh-HK",
        "zh-SG",
        "zh-Hans",
        "zh-Hant",
        "zh-Hant-TW",
        "zh-Hant-HK",
        "zh-Hans-CN",
    ),
    *("sr", "sr-RS", "sr-Latn", "sr-Cyrl", "sr-Latn-RS", "sr-Cyrl-RS"),
)


def tags():
    """Tags as they are stored: of few families, so that they meet, with scripts, regions, variants and extensions."""
    parts = st.tuples(
        st.sampled_from(["zh", "sr", "es", "en", "est", "de", "und"]),
        st.sampled_from(["", "", "Hans", "Hant", "Latn", "Cyrl", "Zzzz", "1996"]),
        st.sampled_from(["", "", "TW", "HK", "CN", "MX", "ES", "419"]),
        st.sampled_from(["", "", "", "x-club", "u-ca-gregory", "valencia"]),
    )
    return parts.map(lambda found: "-".join(filter(None, found)))


offers = st.lists(tags(), min_size=1, max_size=5, unique=True)
wants = st.lists(tags() | st.just(""), min_size=1, max_size=20)


@bounded
@given(wants=wants, offered=offers, defaults=st.tuples(tags(), tags()))
def test_sql_chooses_for_everybody_what_the_rule_chooses(club, wants, offered, defaults):
    Contact.objects.all().delete()
    Contact.objects.bulk_create(Contact(organization=club, language=one) for one in wants)
    found = Contact.objects.annotate(chosen=send_language(offered, defaults)).order_by("pk")
    chosen = list(found.values_list("language", "chosen"))
    assert chosen == [(one, choose_language(one, offered, defaults)) for one in wants]


@bounded
@given(wanted=st.sampled_from(REAL), offered=st.lists(st.sampled_from(REAL), min_size=1, max_size=5, unique=True))
def test_what_serves_is_what_unicode_calls_a_match(wanted, offered):
    """By CLDR's distances. It takes a plain zh for simplified; in Taiwan it is not, and so we offer it to all."""
    assume("zh" not in offered)
    found = nearest_language(wanted, offered)
    closest, _ = langcodes.closest_match(wanted, offered, max_distance=10)
    assert bool(found) == (closest != "und")
    assert not found or langcodes.tag_distance(wanted, found) <= 10


@bounded
@given(wanted=tags(), offered=offers, defaults=st.tuples(tags(), tags()))
def test_one_s_own_language_is_always_chosen_where_it_is_on_offer(wanted, offered, defaults):
    assume(wanted not in offered)
    assert choose_language(wanted, [*offered, wanted], defaults) == wanted


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("es-MX", ["en", "es-ES", "es"], "es"),
        ("es-MX", ["en", "es-ES"], "es-ES"),
        ("pt", ["en", "pt-PT", "pt-BR"], "pt-PT"),
        ("zh-Hant-TW", ["en", "zh", "zh-Hant"], "zh-Hant"),
        ("zh-TW", ["en", "zh-Hans", "zh-Hant"], "zh-Hant"),
        ("zh-TW", ["en", "zh", "zh-HK"], "zh-HK"),
        ("zh-TW", ["en", "zh"], "zh"),
        ("zh-TW", ["en", "zh-Hans"], "en"),
        ("zh-TW", ["fr", "zh-Hans"], "zh-Hans"),
        ("sr-Latn", ["en", "sr-Cyrl"], "sr-Cyrl"),
        ("est", ["en", "es"], "en"),
        ("fr", ["es", "en-GB"], "en-GB"),
        ("fr", ["es", "de"], "de"),
        ("fr", ["es"], ""),
        ("", ["es", "de"], "de"),
    ],
)
def test_the_order_is_ones_own_then_the_organizations_then_the_base_then_another_script(wanted, offered, expected):
    assert choose_language(wanted, offered, ("en", "de")) == expected


def test_a_language_is_refused_in_words():
    with pytest.raises(ValidationError, match="use a BCP 47 tag"):
        normalize_language("spanish (mexico)")


def test_the_languages_of_the_list_have_valid_tags_and_one_name_each():
    assert all(normalize_language(one.code) == one.code for one in LANGUAGES)
    assert len({one.code for one in LANGUAGES}) == len({one.name for one in LANGUAGES}) == len(LANGUAGES)
    assert [*LANGUAGES] == sorted(LANGUAGES, key=lambda one: one.name.replace("ā", "a"))


def test_their_names_are_those_of_the_unicode_consortium():
    english = babel.Locale("en")
    wrong = {one.code: one.name for one in LANGUAGES if "-" not in one.code and english.languages[one.code] != one.name}
    assert wrong == {}


@pytest.mark.parametrize(
    ("tag", "name"),
    [("es", "Spanish"), ("pt-BR", "Portuguese (Brazil)"), ("es-PA", "Spanish (es-PA)"), ("qaa", "qaa"), ("", "")],
)
def test_a_tag_has_a_name_and_one_outside_the_list_the_name_of_its_language(tag, name):
    assert language_name(tag) == name


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        *(
            ("Spanish · español", "es"),
            ("spanish", "es"),
            ("Español", "es"),
            ("ES", "es"),
            ("es_mx", "es-MX"),
            ("", ""),
        ),
        *(
            ("Chinese (Traditional)", "zh-Hant"),
            ("繁體中文", "zh-Hant"),
            ("qaa", "qaa"),
        ),
    ],
)
def test_a_language_is_read_by_its_name_or_tag(typed, tag):
    assert read_language(typed) == tag


def test_what_forms_show_is_read_back():
    assert [read_language(written_language(one.code)) for one in LANGUAGES] == [one.code for one in LANGUAGES]
    assert read_language(written_language("es-PA")) == "es-PA"
    with pytest.raises(ValidationError, match="use a BCP 47 tag"):
        read_language("Klingonish language")
