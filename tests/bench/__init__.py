"""The benchmark: driver and raw calls side by side. `make bench` runs bench.py; README.md explains the table."""
