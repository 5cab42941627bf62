"""The chart without a cluster: what it renders, what it refuses, and that it says it in Kubernetes' own words."""
