"""Source distributions: unpacking, patches, and what they say of themselves."""
