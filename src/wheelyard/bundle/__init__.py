"""Packing, verifying and importing wheelhouses across the gap."""
