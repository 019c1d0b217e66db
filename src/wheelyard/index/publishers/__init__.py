"""Publishers: what puts a rendered site in place, for those who read it. a folder, or another one."""
