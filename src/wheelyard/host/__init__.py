"""What runs on the offline side - stdlib only, Python 3.6+, imports nothing from the rest."""
