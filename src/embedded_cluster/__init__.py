"""What `./lab` needs beside Ansible: the embedded cluster's parts, status, removal, checks, suites.

Only the standard library is used here, so that these commands answer at once and on a bare machine.
"""
