#!/usr/bin/python
"""Look whether a certificate from elsewhere can serve the lab's hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_own_certificate
short_description: Look whether a certificate from elsewhere can serve the lab's hosts
description:
  - Refuses a certificate that does not name C(*.) and the base domain, is not good today, is not of
    the key, or whose chain leads to no authority that this machine trusts. Nothing is changed.
options:
  certificate:
    description: File with the certificate and its chain, in PEM; empty where none is given.
    type: str
    default: ""
  key:
    description: File with its key, in PEM and without a password.
    type: str
    default: ""
  base_domain:
    description: Domain below which the lab's hosts are.
    type: str
    required: true
  authorities:
    description: File with the authorities that this machine trusts.
    type: path
    default: /etc/ssl/certs/ca-certificates.crt
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Refuse a certificate that cannot serve the lab's hosts
  lab_own_certificate:
    certificate: /etc/ssl/apps.example.com.pem
    key: /etc/ssl/private/apps.example.com.key
    base_domain: apps.example.com
"""

RETURN = r"""
revision:
  description: What the two files hold, as a short hash; empty where none is given.
  type: str
  returned: always
authority:
  description: Certificate of the authority that the chain leads to, in PEM.
  type: str
  returned: always
ends:
  description: The last day of the certificate.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.outcome import finish
from lab_playbook.own_certificate import check

ARGUMENTS = {
    "certificate": {"type": "str", "default": ""},
    "key": {"type": "str", "default": "", "no_log": False},
    "base_domain": {"type": "str", "required": True},
    "authorities": {"type": "path", "default": "/etc/ssl/certs/ca-certificates.crt"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, check)


if __name__ == "__main__":
    main()
