"""Tables, pictures and the record of a run."""
