"""A real Kubernetes on one machine, for the end-to-end stories: see cluster.py, and `tests/e2e/e2e --help`."""
