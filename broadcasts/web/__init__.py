"""The web server: Waitress, which reads and writes all connections in one thread and answers in others.

Slow clients therefore hold memory and a file descriptor, never a thread: a request reaches the application when all of
it has come. `connections` adds the deadlines that Waitress lacks, `watching` waits for the sockets, `server` has the
thread pools and a shutdown without lost responses; `application` is the WSGI application.
"""
