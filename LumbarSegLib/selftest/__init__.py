"""Whether this installation measures what is known: the phantom suite, as a site can run and keep it."""
