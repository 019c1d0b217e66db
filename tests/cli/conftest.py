"""A folder with a local index, and the command line in a process of its own."""

from tests.main_job.conftest import yard as yard
