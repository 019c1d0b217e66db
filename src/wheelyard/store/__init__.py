"""The content-addressed cache shared by all wheelhouses of a machine."""
