"""`python -m broadcasts.web 5 6`: serve at the open sockets of these numbers, as `processes` starts it."""

import gc
import signal
import socket
import sys

from config.wsgi import application

from .server import WebServer, spool

if __name__ == "__main__":
    spool()
    server = WebServer(application, [socket.socket(fileno=int(number)) for number in sys.argv[1:]])
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, server.stop)
    gc.freeze()  # what was imported stays: the collector need not look at it again and again
    server.run()
