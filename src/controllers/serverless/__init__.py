"""Knative Service: the controller and the activator that holds requests."""
