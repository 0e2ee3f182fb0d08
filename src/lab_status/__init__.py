"""`./lab status`: what of the lab is up, what is not and why, and where its pages are.

`lines` says how one object is, `seats` what a seat of the lab consists of, `sections` puts both in
the order in which they are read, `look` asks the machine and the cluster, `links` makes sign-in
links.
"""
