import pytest

URL = "/api/languages/"


def test_languages_are_listed_by_name(api, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        found = api.get(URL).json()
    assert {"code": "pt-BR", "name": "Portuguese (Brazil)", "own_name": "português (Brasil)"} in found
    assert len(found) > 200


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ("portug", ["pt", "pt-BR", "pt-PT"]),
        ("PT-br", ["pt-BR"]),
        (" Español ", ["es"]),
        ("no such language", []),
    ],
)
def test_languages_are_found_by_a_part_of_their_names_or_codes(api, asked, codes):
    found = [one["code"] for one in api.get(URL, {"q": asked}).json()]
    assert found[: len(codes)] == codes and bool(found) == bool(codes)


def test_the_list_of_languages_needs_a_token_and_is_not_written(api, client):
    assert client.get(URL).status_code == 401
    assert api.post(URL, {}).status_code == 405
