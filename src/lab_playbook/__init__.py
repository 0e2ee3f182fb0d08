"""What the tasks of the playbooks do: a plugin hands its arguments over, in one call.

Nothing here needs Ansible, so all of it is typed and tested as any other code.
"""
