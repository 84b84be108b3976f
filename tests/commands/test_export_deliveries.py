import csv
from io import StringIO

import pytest
from django.core.management import CommandError

from broadcasts.exporting import HEADER, cell, csv_lines
from broadcasts.models import Contact, Delivery
from tests.make import make_broadcast, make_contact
from tests.sending.steps import send


@pytest.fixture
def broadcast(mail, server):
    make_contact(mail.organization, "a@example.com", full_name="=HYPERLINK(1)")
    make_contact(mail.organization, "", full_name="Bea, “B”")
    return send(make_broadcast(mail))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_the_log_is_written_with_everybody_in_it(command, broadcast):
    said, _ = command("export_deliveries", broadcast=broadcast.uuid)
    rows = read(said)
    assert [(row["name"], row["status"], row["reason"]) for row in rows] == [
        ("'=HYPERLINK(1)", "sent", ""),
        ("Bea, “B”", "skipped", "no_address"),
    ]
    assert rows[0]["sent_at"].endswith("Z")


def test_a_file_is_written_and_a_status_chosen(command, broadcast, tmp_path):
    _, told = command("export_deliveries", tmp_path / "log.csv", organization="club", status="sent")
    assert len(read((tmp_path / "log.csv").read_text(encoding="utf-8"))) == 1
    assert "1 deliveries written" in told


def test_the_log_of_another_organization_is_not_in_it(command, broadcast, elsewhere):
    said, _ = command("export_deliveries", organization="elsewhere")
    assert read(said) == []


def test_it_must_be_said_what_to_export(db, command):
    with pytest.raises(CommandError, match="Say what to export"):
        command("export_deliveries")


def test_erased_people_stay_in_the_log(broadcast):
    Delivery.objects.update(contact=None, address="")
    Contact.objects.all().delete()
    assert len(read("".join(csv_lines(Delivery.objects.all())))) == 2


def test_a_log_costs_one_query(broadcast, django_assert_num_queries):
    with django_assert_num_queries(1):
        text = "".join(csv_lines(Delivery.objects.all()))
    assert text.splitlines()[0] == ",".join(HEADER)


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    assert cell(text) == f"'{text}"


def test_a_phone_number_stays_one():
    assert cell("+34600123456") == "+34600123456"
