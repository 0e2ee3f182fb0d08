"""Documentation of the action lab_files, which does all the work where Ansible runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_files
short_description: Render several templates on this machine in one task
description:
  - Compares each rendered template with the file on this machine and writes what differs.
  - Runs where Ansible runs, so the host's connection must be local.
options:
  directories:
    description: Directories to make first, with their parents, mode 0755.
    type: list
    elements: path
    default: []
  files:
    description: The templates.
    type: list
    elements: dict
    required: true
    suboptions:
      src:
        description: The template, looked for as M(ansible.builtin.template) does.
        type: str
        required: true
      dest:
        description: The file that it makes.
        type: path
        required: true
      mode:
        description: The file's mode, in octal.
        type: str
        default: "0644"
      vars:
        description: More variables for the template.
        type: dict
        default: {}
      secret:
        description: Whether the file holds a secret, so that its difference is not shown.
        type: bool
        default: false
author:
  - MNIST lab authors (@mnist-lab)
"""

EXAMPLES = r"""
- name: Write the configuration
  lab_files:
    directories: [/etc/example]
    files:
      - {src: example.conf.j2, dest: /etc/example/example.conf, mode: "0600"}
"""

RETURN = r"""
files:
  description: Paths that were made or written.
  type: list
  returned: always
"""
