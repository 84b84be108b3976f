"""Clients of the API who press send at the same moment, against a real web server."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.story

TOKEN = """
from broadcasts.models import *
user = User.objects.create_user("ada@club.example", "swordfish")
club = Organization.objects.get()
Member.objects.create(user=user, organization=club, role="sender")
print(ApiToken.objects.issue(user=user, organization=club, scopes=["read", "send"])[1])
"""


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_of_five_concurrent_sends_one_wins_and_everybody_gets_one_copy_in_their_language(
    installation, seed, inbox, port
):
    uuid = seed(30)
    token = installation.run("shell", "-v0", stdin=TOKEN).split()[-1]
    installation.start("runserver", "--noreload", f"127.0.0.1:{port}")
    installation.wait_for(lambda: listens(port))
    together = Barrier(5)

    def send(n: int) -> int:
        path = f"http://127.0.0.1:{port}/api/broadcast-messages/{uuid}/send/"
        request = Request(path, method="POST", headers={"Authorization": f"Token {token}"})
        together.wait()
        try:
            return urlopen(request).status
        except HTTPError as error:
            return error.code

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(send, range(5))) == [200, 409, 409, 409, 409]
    installation.start("work")
    installation.wait_for(lambda: installation.value("SELECT status FROM broadcasts_broadcast") == "SENT")
    assert inbox.recipients == {f"p{n}@example.com": 1 for n in range(30)}
    assert b"Subject: Hola Person 7" in inbox.bodies["p7@example.com"]
    assert b"Subject: Hello Person 8" in inbox.bodies["p8@example.com"]
    log = "SELECT status, COUNT(*) FROM broadcasts_delivery GROUP BY status"
    assert installation.query(log) == [("sent", 30)]
