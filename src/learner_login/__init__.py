"""The login service: takes a learner's user and password, gives a token of the learner's account.

`accounts` reads what is kept of the passwords and asks for tokens, `tries` slows guessing down,
`service` is what callers see; `__main__` serves it.
"""
