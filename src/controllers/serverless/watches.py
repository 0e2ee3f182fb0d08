"""Which changes ask for a look at a function."""

from __future__ import annotations

import kopf

from activator.scaling import SERVICE_LABEL
from controllers.serverless.reconcile import reconcile_function
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import label_key, owner_key, watch

functions = Reconciler("function", reconcile_function, workers=2)

watch(functions, "serving.knative.dev", "v1", "services")
for _group, _plural in (("apps", "deployments"), ("", "services")):
    watch(
        functions,
        _group,
        "v1",
        _plural,
        key=owner_key("Service"),
        labels={SERVICE_LABEL: kopf.PRESENT},
    )
watch(
    functions,
    "",
    "v1",
    "pods",
    key=label_key(SERVICE_LABEL),
    labels={SERVICE_LABEL: kopf.PRESENT},
)
