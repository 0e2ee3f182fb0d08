"""Stand-ins for the OpenShift AI controllers, on any Kubernetes."""
