"""What is to be said of an object that is not as it should be."""

from __future__ import annotations

from lab_diagnosis import Evidence, Finding, diagnose
from lab_diagnosis.collect import collect, connect, explain_error


def explain_object(
    kind: str,
    name: str,
    namespace: str,
    api_version: str = "",
    *,
    step: str = "",
    kubeconfig: str = "",
) -> Finding:
    """Say in a sentence why an object is not as it should be; never raises."""
    try:
        evidence = collect(connect(kubeconfig), kind, name, namespace, api_version)
    except Exception as error:
        evidence = Evidence(kind, name, namespace, trouble=explain_error(error))
    return diagnose(evidence, step)
