# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Documentation of the action of the same name: the work is done on the controller."""

DOCUMENTATION = r"""
---
module: lab_pipeline_run
short_description: Follow a pipeline run to its end, with progress for each step
description:
  - Asks the pipelines API (v2beta1) for a run and prints each step as it starts and ends.
  - Fails when the run does not succeed, with the step, its reason and the end of its log.
options:
  url:
    description: Address of the pipeline server, without a path.
    type: str
    required: true
  token:
    description: Bearer token for the API.
    type: str
    required: true
  ca_certificate:
    description: File with the server's certificate authority; empty for the system's.
    type: path
    default: ""
  run_id:
    description: The run to follow.
    type: str
    required: true
  timeout:
    description: Seconds until the run must have ended.
    type: int
    default: 900
  follow:
    description: Whether to wait for the run's end; if not, only how it is now is told.
    type: bool
    default: true
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Follow the run
  lab_pipeline_run:
    url: https://ds-pipeline-ds-pipeline-mnist.apps.example.com
    token: "{{ token }}"
    run_id: 2b8c3c8e-6f0e-4b5e-9b7a-3d1d8f1f2a10
"""

RETURN = r"""
state:
  description: The run's state, which is its final one if it was followed.
  type: str
  returned: always
going:
  description: Whether the run goes on; false also if there is no such run.
  type: bool
  returned: when it was not followed
seconds:
  description: How long the run took.
  type: float
  returned: success
steps:
  description: Name, state and seconds of each step.
  type: list
  elements: dict
  returned: success
"""
