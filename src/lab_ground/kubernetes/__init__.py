"""Small, shared pieces over the Kubernetes API: a client, conditions, metadata, a work queue."""
