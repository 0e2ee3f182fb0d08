"""The resource definitions of what only OpenShift AI has, as strict as upstream's, by version.

``kinds/VERSION/PLURAL.yml`` states each kind once, in a short notation; ``kubernetes.json`` has
what those kinds take from Kubernetes itself (pods, probes, volumes), out of Kubernetes' own
OpenAPI document. `expand` makes definitions of the two that an API server takes.
"""
