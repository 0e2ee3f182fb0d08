"""The class: which seats there are, whose they are, and what the nodes can carry.

`roster` is the list itself, `record` where it is kept (the cluster, and a file of each checkout),
`courses` makes new entries, `capacity` says what fits, `accounts` gives learners what they sign in
with, `removal` takes a seat away and proves it, `handout` prints a page for each.
"""
