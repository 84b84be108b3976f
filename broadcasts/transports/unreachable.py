"""What is told of a server that could not be spoken to, whatever the protocol."""

import socket
import ssl

from broadcasts import formats

from .base import TransportError


def unreachable(error: Exception, server: object, host: str, seconds: float) -> TransportError:
    """Return what an exception means that came instead of an answer.

    seconds: how long the server was waited for.
    """
    permanent = False
    match error:
        case ssl.SSLCertVerificationError():
            words = f"The certificate of the server {server} could not be verified: {error.verify_message}."
            permanent = True
        case ssl.SSLError():
            words = f"No TLS connection to the server {server} could be made: {error.reason or error}."
        case TimeoutError():
            words = f"The server {server} did not answer within {formats.duration(seconds)}."
        case socket.gaierror():
            words = f"The server's name {host} could not be found: {error.strerror}."
        case UnicodeError():
            words, permanent = f"The host or the login of the server {server} has characters it cannot have.", True
        case _:
            words = f"The server {server} could not be reached: {getattr(error, 'strerror', None) or error}."
    return TransportError(words, permanent=permanent, account=True)
