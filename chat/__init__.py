"""A chat in rooms at a link. It uses the public names of ``switchboard`` and nothing else of it."""
