"""Exact files with hashes for one target - PEP 751 and requirements.txt."""
