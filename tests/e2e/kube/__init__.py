"""What the cluster is made of: pinned Go modules, and their build."""
