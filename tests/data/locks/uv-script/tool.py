# /// script
# requires-python = ">=3.9"
# dependencies = ["plot"]
#
# [[tool.uv.index]]
# url = "https://packages.example/simple/"
# default = true
# ///
