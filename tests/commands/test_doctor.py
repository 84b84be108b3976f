import json

import pytest

from broadcasts import health


@pytest.fixture
def found(monkeypatch):
    def find(*checks: health.Check) -> None:
        monkeypatch.setattr(health, "checks", lambda: list(checks))

    return find


GOOD = health.Check("database", "ok", "The database answers.")
BAD = health.Check("queue", "fail", "No queue.", "Start Redis.")
SO_SO = health.Check("disk", "warn", "Little room.", "Make room.")


def test_each_check_is_a_line_with_how_to_mend_it(command, found):
    found(GOOD, SO_SO)
    said, _ = command("doctor", no_color=True)
    assert said.splitlines() == [
        "ok    The database answers.",
        "warn  Little room.",
        "      Make room.",
        "1 ok, 1 warn, 0 fail",
    ]


def test_a_failure_is_an_exit_code(command, found):
    found(GOOD, BAD)
    with pytest.raises(SystemExit) as end:
        command("doctor")
    assert end.value.code == 1


def test_machines_get_json(command, found):
    found(GOOD, SO_SO)
    said, _ = command("doctor", json=True)
    assert [check["level"] for check in json.loads(said)] == ["ok", "warn"]
