"""Rules nobody thought of: the SQL chooses whom plain Python chooses, and nothing but InvalidInput is ever raised.

`EXAMPLES=5000 pytest tests/audience/test_properties.py` looks further than a run of the whole suite does.
"""

import os
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broadcasts.audience import CONDITIONS, compile_query, values
from broadcasts.exceptions import InvalidInput

from .oddities import (
    BOOLEANS,
    LANGUAGES,
    LISTS,
    NAMES,
    NOW,
    NUMBERS,
    PLACES,
    POOLS,
    SERIES,
    TEXTS,
    URLS,
    ZONES,
    make_world,
)
from .plainly import LACKED, chooses, words

pytestmark = pytest.mark.django_db
EXAMPLES = os.environ.get("EXAMPLES")
bounded = settings(
    max_examples=int(EXAMPLES or 150),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """Built once: nothing here writes."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(values.timezone, "now", lambda: NOW)
        yield make_world()
        transaction.set_rollback(True)


def uuids(start: int, count: int):
    return st.integers(start, start + count - 1).map(lambda n: str(UUID(int=n)))


def one_or_list(values):
    return values | st.lists(values, min_size=1, max_size=3)


def of_type(pool, *types):
    return st.sampled_from([one for one in pool if type(one) in types])


names = st.sampled_from(NAMES)
parts = st.sampled_from([name.strip() for name in [*NAMES, *of_type(TEXTS, str).elements] if name.strip()]) | st.text(
    "aAäÄsSſßkK0%_*?[]^-\\'\"é", min_size=1, max_size=3
)
days = st.sampled_from(["2026-06-01", "2026-06-02", "2026-06-03", "2026-05-30", "0001-01-02", "9999-12-30"])
moments = days | st.sampled_from(
    ["2026-06-01T22:30:00Z", "2026-06-01T22:30:00", "2026-06-02T00:30:00+02:00", "2026-06-01T21:30:00Z"]
)
spans = st.sampled_from(["1h", "12h", "24h", "1d", "7d", "30d", "1w", "4w", "36525d"])
edges = ("gt", "gte", "lt", "lte")


def of(name, values):
    return name, one_or_list(values)


def attribute_values(key, kind):
    if kind == "text":
        texts = of_type(TEXTS, str, int)
        yield of(f"attributes__{key}", texts)
        yield of(f"attributes__{key}__in", texts.filter(lambda one: "," not in str(one)))
        yield of(f"attributes__{key}__icontains", parts)
    elif kind == "number":
        numbers = of_type(NUMBERS, int, float).filter(lambda one: abs(one) < 1e300) | st.integers(-9, 9)
        yield from (
            of(f"attributes__{key}{lookup}", numbers) for lookup in ("", "__in", *(f"__{one}" for one in edges))
        )
    elif kind == "boolean":
        yield of(f"attributes__{key}", of_type(BOOLEANS, bool))
    elif kind == "list":
        flat = [item for one in LISTS if isinstance(one, list) for item in one] + [5, "5", "5.0", "5.5", "yoga"]
        items = st.sampled_from([one for one in flat if type(one) in (str, int, float)])
        yield of(f"attributes__{key}", items)
        yield of(f"attributes__{key}__in", items)
    else:
        yield from (
            of(f"attributes__{key}{lookup}", moments) for lookup in ("", "__in", *(f"__{one}" for one in edges))
        )
        yield from (of(f"attributes__{key}__{lookup}", spans) for lookup in ("within", "within_next"))
    yield f"attributes__{key}__exists", st.booleans()


def objects(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


attendance_statuses = st.sampled_from(["booked", "attended", "no_show", "cancelled"])
narrowed = {
    "series": one_or_list(st.sampled_from([*SERIES, *SERIES.values()])),
    "place": one_or_list(st.sampled_from([*PLACES, *PLACES.values(), "Nowhere"])),
    "activity": one_or_list(uuids(100, 5)),
    "status": one_or_list(attendance_statuses),
}
engagements = st.sampled_from(["sent", "delivered", "opened", "not_opened", "clicked", "replied", "failed"])
consent_states = st.sampled_from(["unknown", "pending", "granted", "withdrawn"])
kinds = st.sampled_from(["email", "sms", "whatsapp"])
VOCABULARY = [
    ("all_users", st.just(True)),
    of("search", parts.filter(words) | st.sampled_from(["0600 000", "p1@", "34600000001", "600-000-004"])),
    *(of(name, uuids(1000, 40) | uuids(2000, 5)) for name in ("uuid", "contact")),
    of("full_name", names),
    of("full_name__icontains", parts),
    of("email", st.sampled_from(["", "P1@EXAMPLE.com", "p2@exämple.org", "p2@xn--exmple-cua.org", "SS3@example.com"])),
    of("email__icontains", parts | st.sampled_from(["EXÄMPLE", "@example.COM", "ß"])),
    of("phone", st.sampled_from(["", "+34600000001", "600 000 004"])),
    of("whatsapp_id", st.sampled_from(["", "346002", " US.3", "us.3"])),
    of(
        "lacks",
        st.sampled_from([*(f"contact.{name}" for name in LACKED), *(f"contact.attributes.{key}" for key in POOLS)]),
    ),
    of("external_id", st.sampled_from(["x-1", "X-1", " X-2% ", "X-2", "x-4"])),
    of("language", st.sampled_from([*LANGUAGES, "ES", "es_mx"])),
    of("status", st.sampled_from(["active", "blocked", "archived"])),
    of("time_zone", st.sampled_from(ZONES)),
    of("no_tracking", st.sampled_from([True, False, "true", "0"])),
    *(of(f"{field}__{edge}", moments) for field in ("created", "last_seen_at") for edge in edges),
    *(of(f"{field}__within", spans) for field in ("created", "last_seen_at")),
    *(values for key, (_, kind) in POOLS.items() for values in attribute_values(key, kind)),
    *(of(name, uuids(1, 4)) for name in ("segment", "customers", "offerings")),
    of("activity", uuids(100, 5)),
    of("attendance_status", attendance_statuses),
    of("attendance", objects({"at_least": st.integers(1, 4)}, **narrowed)),
    of("attendance", objects({"since": moments}, until=moments, at_least=st.integers(1, 3), **narrowed)),
    of("attendance", objects({"within": spans}, at_least=st.integers(1, 3), **narrowed)),
    of("attendance", objects({"within_next": spans}, **narrowed)),
    of("attendance", objects({"starts_since": moments}, starts_until=moments, **narrowed)),
    of("engagement", objects({"type": engagements}, broadcast=uuids(200, 3), within=spans)),
    of(
        "engagement",
        objects({"type": st.just("clicked"), "broadcast": uuids(201, 1), "link": st.sampled_from(URLS)}, within=spans),
    ),
    *(of(name, uuids(200, 3) | uuids(210, 3)) for name in ("recipient_of", "skipped_by")),
    of(
        "consent",
        objects(
            {
                "medium": kinds,
                "use_case": st.sampled_from(["marketing", "general"]),
                "state": one_or_list(consent_states),
            }
        ),
    ),
    of("suppressed", kinds),
]


@st.composite
def flat_objects(draw):
    return {name: draw(values) for name, values in draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3))}


flat = flat_objects()
queries = st.recursive(
    flat,
    lambda children: st.one_of(
        children.map(lambda child: {"not": child}),
        st.builds(
            lambda branch, found, beside: {branch: found, **beside},
            st.sampled_from(["all", "any"]),
            st.lists(children, min_size=1, max_size=3),
            st.just({}) | flat,
        ),
    ),
    max_leaves=6,
)


def compare(world, query):
    with transaction.atomic():
        found = set(compile_query(query, world.organization).values_list("pk", flat=True))
    plain = {one.pk for one in world.contacts if chooses(query, one, world)}
    assert not told(world, found - plain), f"only the SQL chooses them: {query}"
    assert not told(world, plain - found), f"only plain Python chooses them: {query}"


def told(world, pks):
    return pks and [(one.full_name, one.attributes) for one in world.contacts if one.pk in pks]


@settings(bounded, max_examples=int(EXAMPLES or 0) // 20 or 6, phases=[Phase.generate])  # the message says which
@given(values=st.tuples(*(values for _, values in VOCABULARY)))
def test_each_key_alone_chooses_whom_plain_python_chooses(world, values):
    for (name, _), value in zip(VOCABULARY, values, strict=True):
        compare(world, {name: value})


@settings(bounded, max_examples=int(EXAMPLES or 100))
@given(query=queries)
def test_sql_chooses_whom_plain_python_chooses(world, query):
    compare(world, query)


keys = st.sampled_from(
    [*CONDITIONS, "all", "any", "not", "attributes__plan", "attributes__born__within", "attributes__x'"]
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=5), moments, spans, kinds,
    uuids(1, 2),
    st.sampled_from([10**400, 2**63, -(2**63) - 1, "\ud800", "\x00", "1e999", "9999-12-31T23:59:59-14:00", "'; --"]),
)  # fmt: skip
inner = st.sampled_from(["broadcast", "type", "link", "within", "since", "series", "at_least", "state", "uuid"])
anything = st.recursive(
    scalars,
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(keys | inner | st.text(st.characters(), max_size=5), children, max_size=3),
    ),
    max_leaves=8,
)


@bounded
@given(query=anything | st.dictionaries(keys, anything, max_size=2))
def test_whatever_json_comes_it_chooses_or_is_invalid_input(world, query):
    try:
        people = compile_query(query, world.organization)
    except InvalidInput as error:
        assert error.errors["query"].startswith("query")
    else:
        with transaction.atomic():
            people.count()


def test_every_key_of_the_vocabulary_is_among_the_random_rules():
    assert set(CONDITIONS) <= {name for name, _ in VOCABULARY}
