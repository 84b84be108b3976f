"""The web server: Waitress, which reads and writes all connections in one thread and answers in others.

Slow clients therefore hold memory and a file descriptor, never a thread: a request reaches the application when all of
it has come. `connections` adds the deadlines that Waitress lacks, `server` the lanes and an end without lost answers,
`application` is what is served.
"""
