"""Take mails in from an open folder: they are stored portion by portion, committed, and only then removed.

A worker that is killed between both stores a window again at the next look, as does the next worker where two read the
same folder. That counts once: a fact of a copy is set once (a soft bounce by the unique id of its copy), a suppression
exists once for an address, and a reply is known by its Message-ID, which is unique in its channel (`inbound_once`). So
nothing about single mails is remembered here, and a folder whose UIDs begin anew (UIDVALIDITY) needs no care: UIDs are
used only within the session that listed them.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from broadcasts import receiving
from broadcasts.models import Channel, Mailbox
from broadcasts.queue import is_told_to_stop
from broadcasts.transports.imap import ImapAccount, ListedMail, Session, opened

CHECK_SECONDS = 15
# Mails that are listed by their sequence numbers, since UIDs may be sparse, and removed at once: some servers look
# through the whole folder after each removal, which takes Dovecot a second for a maildir of 100,000 mails.
WINDOW = 1000
MOST = 100  # mails of a portion
LARGEST = 4_194_304  # bytes of them, as listed

Taken = Callable[[int], bool]


def check(mailbox: Mailbox) -> int:
    """Sign in as a look would do, and return how many mails are in the folder; raises TransportError."""
    with opened(ImapAccount.read(mailbox), CHECK_SECONDS) as session:
        return session.count()


def take_in(session: Session, channel: Channel, deadline: float, taken: Taken) -> bool:
    """Take mails in until the folder is at its end or the time is over; return whether there is more to take in.

    taken: is told how many mails each window had, and answers whether to go on.
    """
    position, total = 1, 0  # of the first mail that is not known to stay; the mails that were taken in
    while (count := session.count()) >= position:
        last = min(position + WINDOW - 1, count)
        stored = _store(session, channel, session.listed(position, last), deadline)
        if stored:
            session.remove(stored)
        total += len(stored)
        if not taken(len(stored)):
            return False
        if _is_over(deadline):
            return total > 0  # where everything stays, going on at once would look at the same mails again
        position = last + 1 - len(stored)
    return False


def _store(session: Session, channel: Channel, mails: Sequence[ListedMail], deadline: float) -> list[int]:
    """Store mails until the time is over; return the UIDs of those that are stored and committed."""
    stored: list[int] = []
    for portion in portions(mails):
        for uid, raw in session.mails([mail.uid for mail in portion]):
            receiving.store_mail(channel, raw)
            stored.append(uid)
        if _is_over(deadline):
            break
    return stored


def _is_over(deadline: float) -> bool:
    return time.monotonic() >= deadline or is_told_to_stop()


def portions(mails: Sequence[ListedMail]) -> Iterator[list[ListedMail]]:
    """Divide mails into portions of at most MOST, and of LARGEST bytes; a larger mail is one by itself."""
    portion: list[ListedMail] = []
    size = 0
    for mail in mails:
        if portion and (len(portion) == MOST or size + mail.size > LARGEST):
            yield portion
            portion, size = [], 0
        portion.append(mail)
        size += mail.size
    if portion:
        yield portion
