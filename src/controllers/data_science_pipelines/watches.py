"""Which changes ask for a look at a DataSciencePipelinesApplication."""

from __future__ import annotations

import kopf

from controllers.data_science_pipelines.reconcile import reconcile
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.kubernetes.watching import label_key, own_key, watch

applications = Reconciler("data-science-pipelines", reconcile, workers=2)
_of_label = label_key("dspa")

watch(
    applications,
    "datasciencepipelinesapplications.opendatahub.io",
    "v1",
    "datasciencepipelinesapplications",
    key=own_key,
)
watch(applications, "apps", "v1", "deployments", key=_of_label, labels={"dspa": kopf.PRESENT})
watch(applications, "", "v1", "services", key=_of_label, labels={"dspa": kopf.PRESENT})
watch(applications, "", "v1", "secrets", key=_of_label, labels={"dspa": kopf.PRESENT})
