"""CSV files as they come: awkward ones too."""

import csv
from io import BytesIO

import pytest

from broadcasts.exceptions import InvalidInput
from broadcasts.importing import Result, import_contacts, job, reading
from broadcasts.importing.cells import infer_type
from broadcasts.importing.columns import attribute_key, columns_of
from broadcasts.models import Attribute, Contact, ImportJob, Segment, Suppression
from tests.make import make_contact


@pytest.fixture
def load(club, tmp_path):
    """Import a text or bytes as a file; an error file is made beside it."""

    def run(content: str | bytes, **options) -> Result:
        data = content if isinstance(content, bytes) else content.encode()
        return import_contacts(club, BytesIO(data), error_path=tmp_path / "errors.csv", **options)

    return run


@pytest.fixture
def errors(tmp_path):
    """The error file's rows without its header."""

    def read() -> list[list[str]]:
        path = tmp_path / "errors.csv"
        return list(csv.reader(path.read_text().splitlines()))[1:] if path.exists() else []

    return read


def counts(result: Result) -> tuple[int, int, int, int]:
    job = result.job
    return job.created_count, job.updated_count, job.unchanged_count, job.invalid_count


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("e-mail", "email"), ("E-Mail Address", "email"), ("Full name", "full_name"), ("NAME", "full_name"),
        ("First Name", "first_name"), ("surname", "last_name"), ("Mobile phone", "phone"), ("Lang", "language"),
        ("time_zone", "time_zone"), ("ID", "external_id"), ("external_id", "external_id"), ("WhatsApp", "whatsapp_id"),
        ("attributes.plan", "attributes.plan"), ("Member since?", "attributes.member_since"),
        ("Größe", "attributes.grosse"), ("2024", "attributes.n_2024"), ("Город", "attributes.column_1"), ("", ""),
    ],
)  # fmt: skip
def test_headers_say_what_a_column_is(header, field):
    key = "WhatsApp id" if "hone" in header else "phone"
    assert columns_of([header, key], {})[0].target == field


def test_two_headers_of_one_key_stay_apart():
    columns = columns_of(["mail", "Größe", "grosse"], {})
    assert [column.target for column in columns] == ["email", "attributes.grosse", "attributes.grosse_2"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("a" * 80, "a" * 63), ("Ünï çödé", "uni_code"), ("__x__", "x"), ("1", "n_1"), ("ÄÖ", "ao"), ("日本", "")],
)
def test_an_attributes_key_is_always_a_valid_one(name, key, club):
    assert attribute_key(name) == key
    if key:
        Attribute(organization=club, key=key).full_clean()


@pytest.mark.parametrize(
    ("header", "mapping", "words"),
    [
        ("name,city", {}, "No column is"),
        ("mail,email", {}, "are both email"),
        ("mail", {"nobody": "email"}, "no column “nobody”"),
        ("mail,x", {"x": "shoe"}, "cannot be “shoe”"),
        ("mail,x", {"x": "attributes.Not a key"}, "cannot be"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_as_a_whole(load, header, mapping, words):
    with pytest.raises(InvalidInput, match=words):
        load(f"{header}\na@example.com,b\n", mapping=mapping)
    assert not ImportJob.objects.exists()


def test_a_mapping_overrides_headers_and_ignores_columns(load, club):
    load("Correo,Name\nana@example.com,x\n", mapping={"correo": "email", "Name": "-"})
    contact = club.contacts.get()
    assert (contact.email, contact.full_name, contact.attributes) == ("ana@example.com", "", {})


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(load, content):
    with pytest.raises(InvalidInput, match="empty"):
        load(content)


def test_everything_a_row_says_is_stored(load, club):
    load(
        "ID,First name,Last name,E-mail,Phone,Language,Time zone\n"
        "7,José,Muñoz,José@Bücher.Example,600 123 456,es_ES,Europe/Madrid\n"
    )
    contact = club.contacts.get()
    assert (contact.external_id, contact.full_name, contact.language) == ("7", "José Muñoz", "es-ES")
    assert (contact.phone, contact.time_zone) == ("+34600123456", "Europe/Madrid")
    assert contact.email_key == "josé@xn--bcher-kva.example"


def test_an_imported_contact_is_as_a_saved_one(load, club):
    load("mail,phone\nAna@Example.com,+34600123456\n")
    contact = club.contacts.get()
    imported = {name: getattr(contact, name) for name in ("email_key", "email_hash", "phone_key", "phone_hash")}
    contact.save()
    assert imported == {name: getattr(contact, name) for name in imported}
    assert contact.status == Contact.Status.ACTIVE
    contact.full_clean()


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"\xef\xbb\xbfmail,name\r\nzoe@example.com,Zo\xc3\xab\r\n", {}),
        ("mail;name\nzoe@example.com;Zoë".encode(), {}),
        ("mail\tname\nzoe@example.com\tZoë\n".encode(), {}),
        ("mail|name\rzoe@example.com|Zoë\r".encode(), {}),
        ("mail,name\nzoe@example.com,Zoë\n".encode("utf-16"), {}),
        ("mail,name\nzoe@example.com,Zoë\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("mail#name\nzoe@example.com#Zoë\n".encode(), {"delimiter": "#"}),
        ('\n"mail","name"\n\n"zoe@example.com","Zoë"\n , \n'.encode(), {}),
        (" mail , name \n\u200bzoe@example.com\ufeff,\u00a0Zoë \n".encode(), {}),
    ],
    ids=["bom-crlf", "semicolon", "tab", "bar-cr", "utf16", "cp1252", "delimiter", "blank-lines", "spaces"],
)
def test_any_usual_file_is_read(load, club, content, options):
    assert counts(load(content, **options)) == (1, 0, 0, 0)
    assert list(club.contacts.values_list("email", "full_name")) == [("zoe@example.com", "Zoë")]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("no-at-sign,x,", "mail", "it has no @"),
        ("a@b@example.com,x,", "mail", "before the @"),
        ("a@nowhere,x,", "mail", "domain"),
        ("a@-x-.example,x,", "mail", "domain"),
        (f"{'a' * 60}@{'b.' * 130}example,x,", "mail", "domain"),
        ("a@example.com,x,12", "phone", "not a phone number"),
        ("a@example.com,x,2.5E+11", "phone", "it has letters"),
        (f"a@example.com,{'x' * 256},", "name", "256 characters"),
        ("a@example.com,x", "", "2 cells, and the header has 3"),
        ("a@example.com,x,,y", "", "4 cells"),
        (",only a name,", "", "no e-mail address"),
        ('a@example.com,"x" y,', "", "quote"),
        ('a@example.com,"never closed,', "", "never closed"),
        ("a@example.com,N\0L,", "name", "NUL"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_its_column(load, errors, club, row, column, words):
    result = load(f"mail,name,phone\nfirst@example.com,,\n{row}\nlast@example.com,,\n")
    assert counts(result) == (2, 0, 0, 1)
    ((line, named, reason, _),) = errors()
    assert (line, named) == ("3", column)
    assert words in reason


def test_a_byte_that_is_no_text_costs_its_row_only(load, errors, club):
    result = load(b"mail,name\na@example.com,Zo\xeb\nb@example.com,Zoe\n")
    assert counts(result) == (1, 0, 0, 1)
    assert errors() == [["2", "name", errors()[0][2], r"Zo\udceb"]]
    assert "0xEB" in errors()[0][2]


def test_a_header_that_is_no_text_is_refused(load):
    with pytest.raises(InvalidInput, match="encoding"):
        load(b"mail,Gr\xf6\xdfe\na@example.com,1\n")


def test_lines_are_physical_ones_even_after_line_breaks_in_cells(load, errors, club):
    result = load('mail,note\na@example.com,"one\ntwo\r\nthree"\n\nbad,x\n')
    assert counts(result) == (1, 0, 0, 1)
    assert errors()[0][0] == "6"
    assert club.contacts.get().attributes == {"note": "one\ntwo\r\nthree"}


def test_a_quote_that_is_never_closed_swallows_nobody(load, errors, club):
    rest = "".join(f"p{n}@example.com,x\n" for n in range(8000))
    result = load(f'mail,name\na@example.com,"oops\n{rest}')
    assert counts(result) == (8000, 0, 0, 1)
    assert errors()[0][0] == "2"


def test_all_that_is_wrong_with_a_row_is_told(load, errors):
    load("mail,language,time zone\nx,123,Mars\n")
    assert [row[1] for row in errors()] == ["mail", "language", "time zone"]


def test_only_what_is_new_is_written_again(load, club):
    content = "id,mail,name,plan\n1,a@example.com,Ana,pro\n2,b@example.com,Bea,pro\n"
    load(content)
    before = dict(club.contacts.values_list("external_id", "modified"))
    result = load(content.replace("Bea", "Beatriz"))
    after = dict(club.contacts.values_list("external_id", "modified"))
    assert counts(result) == (0, 1, 1, 0)
    assert before["1"] == after["1"]
    assert before["2"] < after["2"]


def test_empty_cells_erase_nothing(load, club):
    load("mail,name,plan\na@example.com,Ana,pro\n")
    assert counts(load("mail,name,plan,age\na@example.com,,,5\n")) == (0, 1, 0, 0)
    contact = club.contacts.get()
    assert (contact.full_name, contact.attributes) == ("Ana", {"plan": "pro", "age": 5})


@pytest.mark.parametrize(
    "row", ["1,new@example.com,+34600000009", ",OLD@EXAMPLE.COM,+34600000009", ",,0034600000001", "1,old@example.com,"]
)
def test_people_are_looked_up_by_external_id_then_email_then_phone(load, club, row):
    known = make_contact(club, "old@example.com", external_id="1", phone="+34600000001")
    result = load(f"id,mail,phone,name\n{row},New\n")
    assert counts(result) == (0, 1, 0, 0)
    known.refresh_from_db()
    assert known.full_name == "New"


@pytest.mark.parametrize("row", ["1,b@example.com,", ",a@example.com,+34600000002", "3,a@example.com,"])
def test_keys_of_two_people_refuse_the_row_and_merge_nobody(load, errors, club, row):
    make_contact(club, "a@example.com", external_id="1", phone="+34600000001")
    make_contact(club, "b@example.com", external_id="2", phone="+34600000002")
    before = list(club.contacts.order_by("pk").values("email", "phone", "external_id", "modified"))
    assert counts(load(f"id,mail,phone\n{row}\n")) == (0, 0, 0, 1)
    assert before == list(club.contacts.order_by("pk").values("email", "phone", "external_id", "modified"))
    assert errors()[0][0] == "2"


def test_an_address_may_pass_from_one_to_another_within_a_file(load, club):
    make_contact(club, "shared@example.com", external_id="2")
    make_contact(club, "one@example.com", external_id="1")
    rows = "1,other@example.com\n2,own@example.com\n1,shared@example.com\n"
    assert counts(load(f"id,mail\n{rows}")) == (0, 3, 0, 0)
    emails = dict(club.contacts.values_list("external_id", "email_key"))
    assert emails == {"1": "shared@example.com", "2": "own@example.com"}


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("dry_run", [False, True])
def test_later_rows_update_earlier_ones_and_are_counted(load, club, monkeypatch, chunk, dry_run):
    monkeypatch.setattr(job, "CHUNK", chunk)
    make_contact(club, "old@example.com", full_name="Old")
    result = load(
        "mail,name\na@example.com,One\nA@Example.com,Two\nold@example.com,Old\nold@example.com,Older\na@example.com,\n",
        dry_run=dry_run,
    )
    assert counts(result) == (1, 2, 2, 0)
    assert result.repeats == 3
    names = set(club.contacts.values_list("full_name", flat=True))
    assert names == ({"Old"} if dry_run else {"Two", "Older"})


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_a_dry_run_promises_what_a_run_does_and_writes_nothing(load, club, monkeypatch, chunk):
    monkeypatch.setattr(job, "CHUNK", chunk)
    make_contact(club, "a@example.com", external_id="1", full_name="Ana")
    rows = (
        "1,b@example.com,Ana\n2,a@example.com,Bea\n3,b@example.com,Bo\n,b@example.com,Zoe\n2,a@example.com,Bea\nx,,\n"
    )
    rehearsal = load(f"id,mail,name\n{rows}", dry_run=True)
    assert club.contacts.count() == 1
    assert not Attribute.objects.exists()
    real = load(f"id,mail,name\n{rows}")
    assert (counts(rehearsal), rehearsal.repeats) == (counts(real), real.repeats)
    assert rehearsal.job.dry_run


def test_an_import_changes_no_status_and_no_opt_out(load, club):
    contact = make_contact(club, "a@example.com", status=Contact.Status.BLOCKED)
    Suppression.objects.create(organization=club, address_hash=contact.email_hash, reason="unsubscribe")
    load("mail,name,status\na@example.com,New,active\n")
    contact.refresh_from_db()
    assert (contact.full_name, contact.status) == ("New", Contact.Status.BLOCKED)
    assert Suppression.objects.count() == 1


def test_another_organizations_people_are_neither_seen_nor_touched(load, club, elsewhere):
    theirs = make_contact(elsewhere, "a@example.com", full_name="Theirs")
    assert counts(load("mail,name\na@example.com,Ours\n")) == (1, 0, 0, 0)
    theirs.refresh_from_db()
    assert theirs.full_name == "Theirs"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-2", "0.5"], "number"), (["007", "8"], "text"), (["1", "n/a"], "text"), (["yes", "No"], "boolean"),
        (["true", "FALSE"], "boolean"), (["1", "0"], "number"), (["2026-01-31"], "date"), (["20260131"], "number"),
        (["2026-01-31", "2026-02-30"], "text"), (["2026-01-31T09:00:00+02:00"], "datetime"), (["+34"], "text"),
        (["1234567890123456789"], "text"), (["1,5"], "text"), (["nan"], "text"),
    ],
)  # fmt: skip
def test_a_type_is_what_all_values_agree_on(values, type_):
    assert infer_type(values) == type_


def test_attributes_are_registered_with_their_types_and_labels(load, club):
    load("mail,Age,Plan,Member?,Since\na@example.com,5,pro,yes,2026-01-31\nb@example.com,,x,no,\n")
    types = dict(club.attributes.values_list("key", "type"))
    assert types == {"age": "number", "plan": "text", "member": "boolean", "since": "date"}
    assert club.contacts.get(email="a@example.com").attributes == {
        "age": 5, "plan": "pro", "member": True, "since": "2026-01-31",
    }  # fmt: skip
    assert club.attributes.get(key="member").label == "Member?"


def test_moments_are_stored_in_utc(load, club):
    load("mail,renewed\na@example.com,2026-05-01 10:00+02:00\nb@example.com,2026-05-01T10:00\n")
    assert list(club.contacts.order_by("email").values_list("attributes", flat=True)) == [
        {"renewed": "2026-05-01T08:00:00+00:00"},
        {"renewed": "2026-05-01T10:00:00"},
    ]


def test_a_registered_type_decides_and_a_value_of_another_is_refused(load, errors, club):
    for key, type_ in (("zip", "text"), ("age", "number"), ("tags", "list"), ("vip", "boolean")):
        Attribute.objects.create(organization=club, key=key, type=type_)
    result = load("mail,zip,age,tags,vip\na@example.com,28001,7,red; blue,1\nb@example.com,1,seven,,\n")
    assert counts(result) == (1, 0, 0, 1)
    assert club.contacts.get().attributes == {"zip": "28001", "age": 7, "tags": ["red", "blue"], "vip": True}
    assert errors()[0][:2] == ["3", "age"]


def test_everybody_in_the_file_joins_the_segment(load, club):
    make_contact(club, "known@example.com")
    load("mail\nknown@example.com\nnew@example.com\nnew@example.com\nbad\n", segment="Spring")
    load("mail\nnew@example.com\n", segment="spring")
    segment = Segment.objects.get()
    assert (segment.kind, segment.members.count()) == ("static", 2)
    assert segment.contacts_count == 2


def test_a_segment_by_rule_cannot_be_joined(load, club):
    Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    with pytest.raises(InvalidInput, match="by rule"):
        load("mail\na@example.com\n", segment="spanish")


def test_a_stopped_import_keeps_whole_chunks_and_says_so(load, club, monkeypatch):
    monkeypatch.setattr(job, "CHUNK", 2)
    result = load("mail\n" + "".join(f"p{n}@example.com\n" for n in range(5)), should_stop=lambda: True)
    assert result.job.status == ImportJob.Status.STOPPED
    assert result.job.rows == club.contacts.count() == 2


def test_what_breaks_off_an_import_is_written_down_with_what_was_done(load, club, monkeypatch):
    monkeypatch.setattr(job, "CHUNK", 2)

    def fail(result: Result) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        load("mail\na@example.com\nb@example.com\nc@example.com\n", on_progress=fail)
    row = ImportJob.objects.get()
    assert (row.status, row.rows, row.error_message) == ("failed", 2, "RuntimeError: disk full")


def test_progress_reaches_the_end_of_the_file(load):
    content = "mail\n" + "".join(f"p{n}@example.com\n" for n in range(5000))
    seen: list[int] = []
    load(content, on_progress=lambda result: seen.append(result.bytes_read))
    assert len(seen) == 3
    assert seen[-1] == len(content)


def test_the_whole_import_costs_few_queries(load, club, django_assert_max_num_queries):
    content = "id,mail,phone\n" + "".join(f"{n},p{n}@example.com,+346{n:08}\n" for n in range(1500))
    with django_assert_max_num_queries(20):
        load(content)
    with django_assert_max_num_queries(20):
        assert counts(load(content)) == (0, 0, 1500, 0)


def test_a_unique_key_taken_at_the_same_moment_refuses_its_row_only(load, club, monkeypatch):
    """Somebody else writes the contact after we looked and before we write."""
    make_contact(club, "taken@example.com")
    monkeypatch.setattr("broadcasts.importing.upsert.ContactStore.find", lambda self, rows: [])
    assert counts(load("mail\na@example.com\ntaken@example.com\nb@example.com\n")) == (2, 0, 0, 1)
    assert club.contacts.count() == 3


def test_a_reader_gives_back_lines_with_their_numbers():
    records = list(reading.CsvReader(BytesIO(b'a,b\n1,"x\n2,y\n3,"z"\n')))
    assert [(record.line, bool(record.fault)) for record in records] == [(1, False), (2, True), (3, False), (4, False)]


def test_who_joins_a_segment_by_an_import_is_changed(load, club):
    joe = make_contact(club, "joe@example.com")
    load("mail\njoe@example.com\n", segment="Spring")
    first = Contact.objects.get(pk=joe.pk).modified
    load("mail\njoe@example.com\n", segment="Spring")
    assert joe.modified < first == Contact.objects.get(pk=joe.pk).modified
