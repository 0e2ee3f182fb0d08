# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Documentation of the action of the same name: the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_training
short_description: Train the seats' models with the learner's pipeline
description:
  - For each seat, one after another, looks whether the model in the bucket was made from the data,
    the code and the profile that are there now, and does nothing where it was.
  - Else submits the pipeline from the workbench's image, or follows the run that an interrupted
    attempt submitted, and prints each step as it starts and ends.
  - Fails where the run does not succeed, with the step, its reason and the end of its log; and
    where the stored model is not whole or not good enough.
  - In check mode it names the seats that would be trained.
options:
  namespaces:
    description: The seats' namespaces.
    type: list
    elements: str
    required: true
  repository:
    description: What a learner clones, on this machine.
    type: path
    required: true
  pipeline:
    description: The pipeline in it; the files beside it are submitted with it.
    type: str
    required: true
  sources:
    description: Files and directories of the code that a model is trained with.
    type: list
    elements: path
    default: []
  profile:
    description: How a model is trained; C(quick) is for rehearsals.
    type: str
    choices: [default, quick]
    default: default
  min_accuracy:
    description: Accuracy below which a model is refused.
    type: float
    default: 0.99
  timeout:
    description: Seconds within which a run must end.
    type: int
    default: 900
  image:
    description: Image that the pipeline is submitted from.
    type: str
    required: true
  image_pull_policy:
    description: When the node pulls the image.
    type: str
    choices: [Always, IfNotPresent, Never]
    default: Always
  workbench:
    description: Workbench whose service account submits.
    type: str
    default: notebook
  runtime_secret:
    description: Secret with Elyra's runtime configuration.
    type: str
    default: ds-pipeline-config
  pipelines_client:
    description: Secret with a token for the pipelines API.
    type: str
    default: pipelines-client
  pipelines_url:
    description: Address of the pipeline server from this machine; C({namespace}) is replaced.
    type: str
    required: true
  store_url:
    description: Address of the object store from this machine; C({namespace}) is replaced.
    type: str
    required: true
  model_key:
    description: Key of the model; the JSON that describes it stands beside it.
    type: str
    default: onnx/model-v2.onnx
  data_keys:
    description: Keys of the data that a model is trained with.
    type: list
    elements: str
    default: []
  record:
    description: ConfigMap that records what a model was made from.
    type: str
    default: mnist-training
  force:
    description: Whether to train a model that is up to date as well.
    type: bool
    default: false
  keep_good:
    description: >-
      Whether a model that is whole and accurate enough is left alone, whatever it was made from.
    type: bool
    default: false
  kubeconfig:
    description: Path of the kubeconfig; the environment's when empty.
    type: str
    default: ""
extends_documentation_fragment: lab_connection
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Train the model of one seat
  lab_training:
    namespaces: [mnist]
    repository: model-repo
    pipeline: notebooks/completed/mnist.pipeline
    image: "{{ lab_training_image }}"
    pipelines_url: https://ds-pipeline-ds-pipeline-{namespace}.apps.example.com
    store_url: https://minio-ds-pipeline-{namespace}.apps.example.com
    data_keys: [data/train.csv, data/test.csv]
"""

RETURN = r"""
seats:
  description:
    - By namespace, for each that was (or in check mode would be) trained, whether it was, the
      run's identifier, how many seconds it took, and name, state and seconds of each step.
  type: dict
  returned: success
"""
