"""The v2beta1 API over HTTP, and the steps' own small API."""
