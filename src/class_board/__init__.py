"""The class at one look: how far each seat is, since when, what is wrong there, what it takes.

`reading` asks the cluster, `services` the seats' own services through the API server's proxy, both
as whoever asks and nobody else; `rows` is pure and makes the board of it; `board` keeps what slow
services answered, so that one that hangs holds up nobody; `words` prints it for a terminal. The
dashboard's page and `./lab class board` are the same board.
"""
