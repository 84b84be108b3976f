"""A real Dovecot with one account, on a free port of this machine, with mails in folders of its own.

with Dovecot(folder) as server:
    server.put("INBOX", b"Subject: Hello\r\n\r\nHello")
    assert server.mails("INBOX") == 1
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from tests.smtp import certificate

BINARY = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
PASSWORD = "swordfish"
CONFIG = """
protocols = imap
base_dir = {room}/run
state_dir = {room}/state
log_path = {room}/log
ssl = yes
ssl_cert = <{pem}
ssl_key = <{pem}
disable_plaintext_auth = no
auth_mechanisms = plain login
{users}mail_location = maildir:{room}/mail
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
mail_privileged_group =
mail_fsync = never
imap_capability = {capability}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={room}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Dovecot:
    """Runs until the end of its context; `capability` replaces what it offers."""

    serial = count(1)

    def __init__(self, *, capability: str = "") -> None:
        # Its sockets have long names, and the names of sockets are short: pytest's folders have no room for them.
        self.room = room = Path(mkdtemp(prefix="dovecot"))
        self.port, self.tls_port = free_port(), free_port()
        for name in ("run", "state", "home", "mail"):
            (room / name).mkdir(parents=True, exist_ok=True)
        user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        self.owner = pwd.getpwuid(os.getuid())
        users = f"default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n"
        if os.getuid() == 0:  # then those of the package, as which Dovecot insists to run
            users, self.owner = "", pwd.getpwnam("nobody")
            self.room.chmod(0o755)
        for name in ("home", "mail"):
            self.give(room / name)
        pem = room / "certificate.pem"
        shutil.copy(certificate(), pem)
        self.config = room / "dovecot.conf"
        told = {"pem": pem, "port": self.port, "tls_port": self.tls_port, "capability": capability, "users": users}
        owner = {"uid": self.owner.pw_uid, "gid": self.owner.pw_gid}
        self.config.write_text(CONFIG.format(room=room, password=PASSWORD, **told, **owner))

    def __enter__(self) -> Self:
        assert BINARY
        self.process = subprocess.Popen([BINARY, "-F", "-c", str(self.config)], start_new_session=True)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as one:
                    assert one.recv(100).startswith(b"* OK")
                    return self
            except (OSError, AssertionError):
                time.sleep(0.05)
        raise AssertionError(self.log())

    def __exit__(self, *exc_info: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.room)

    def log(self) -> str:
        path = self.room / "log"
        return path.read_text()[-3000:] if path.exists() else "It has no log."

    @property
    def columns(self) -> dict[str, object]:
        """What a mailbox is set to, so that this server is read."""
        return {
            "host": "127.0.0.1",
            "port": self.tls_port,
            "security": "tls",
            "username": "bounces@club.example",
            "secrets": {"password": PASSWORD},
        }

    def folder(self, name: str) -> Path:
        return self.room / "mail" if name == "INBOX" else self.room / "mail" / f".{name}"

    def make(self, name: str) -> None:
        for part in ("cur", "new", "tmp"):
            (self.folder(name) / part).mkdir(parents=True, exist_ok=True)
            self.give(self.folder(name) / part)
        self.give(self.folder(name))

    def give(self, path: Path) -> None:
        os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    def put(self, name: str, *mails: bytes, flags: str = "") -> None:
        """Put mails into a folder, as a mail server delivers them; a flag is a letter of a maildir, such as T."""
        self.make(name)
        for mail in mails:
            serial = next(self.serial)
            place = "cur" if flags else "new"
            suffix = f":2,{flags}" if flags else ""
            path = self.folder(name) / place / f"{1_700_000_000 + serial}.M{serial}P1.test{suffix}"
            path.write_bytes(mail)
            self.give(path)

    def files(self, name: str) -> list[Path]:
        return [path for part in ("cur", "new") for path in (self.folder(name) / part).glob("*")]

    def mails(self, name: str = "INBOX") -> int:
        return len(self.files(name))
