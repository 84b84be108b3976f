"""Mailboxes by IMAP (RFC 3501, RFC 9051): signing in, reading mails in portions, and removing them by UID.

`settings` has the forms of the ways to sign in, `account` what a mailbox's row says, `client` the connection with its
limits, `session` the conversation, `tokens` the access tokens of OAuth 2.
"""

from .account import ImapAccount
from .session import ListedMail, Session, opened
from .settings import SIGN_INS

__all__ = ["SIGN_INS", "ImapAccount", "ListedMail", "Session", "opened"]
