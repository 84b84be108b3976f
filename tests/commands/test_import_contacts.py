import pytest
from django.core.management import CommandError

from broadcasts.importing import job
from broadcasts.models import ImportJob


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("Id,E-mail,Plan\n1,a@example.com,pro\n2,bad,pro\n1,a@example.com,basic\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def test_it_says_what_came_of_the_rows(command, club, people, tmp_path):
    said, errors = command("import_contacts", people, organization="club", errors=tmp_path / "wrong.csv")
    assert "3 rows read: 1 created, 1 updated, 0 unchanged, 1 refused." in said
    assert "1 of them named somebody whom an earlier row had named" in said
    assert "Plan as plan" in said
    assert "line 3, E-mail: “bad” is not an e-mail address" in errors
    assert (tmp_path / "wrong.csv").read_text().splitlines()[0] == "line,column,reason,value"


def test_refused_rows_are_kept_where_nobody_said_where(command, club, people):
    _, errors = command("import_contacts", people, organization="club")
    assert ImportJob.objects.get().error_file in errors


def test_a_dry_run_says_so(command, club, people):
    said, _ = command("import_contacts", people, organization="club", dry_run=True)
    assert "1 would be created" in said
    assert not club.contacts.exists()


def test_columns_can_be_mapped_and_people_put_into_a_segment(command, club, people):
    command("import_contacts", people, "--map", "Plan=-", "--static-segment", "New", organization="club")
    assert club.contacts.get().attributes == {}
    assert club.segments.get().members.count() == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--map", "Plan"], "Column=field"),
        (["--map", "Nope=email"], "no column"),
        (["--map", "Plan=attributes."], "cannot be “attributes.”"),
        (["--encoding", "klingon"], "not an encoding"),
        (["--delimiter", "::"], "not one character"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(command, club, people, args, words):
    with pytest.raises(CommandError, match=words):
        command("import_contacts", people, *args, organization="club")


def test_a_file_that_is_not_there_is_no_crash(command, club, tmp_path):
    with pytest.raises(CommandError, match="cannot be opened"):
        command("import_contacts", tmp_path / "none.csv", organization="club")


def test_an_error_file_that_cannot_be_written_is_named_itself(command, club, people, tmp_path):
    with pytest.raises(CommandError, match=f"^{tmp_path} cannot be opened"):
        command("import_contacts", people, organization="club", errors=tmp_path)


def test_an_interrupt_finishes_a_chunk_and_says_what_was_not_done(command, club, people, monkeypatch, capsys):
    monkeypatch.setattr(job, "CHUNK", 1)
    take = job.Run.take

    def interrupted(run, records) -> None:
        take(run, records)
        if run.job.rows == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(job.Run, "take", interrupted)
    with pytest.raises(SystemExit) as stop:
        command("import_contacts", people, organization="club")
    assert stop.value.code == 130
    row = ImportJob.objects.get()
    assert (row.status, row.rows) == ("stopped", 2)
