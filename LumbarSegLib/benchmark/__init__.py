"""The paper's tables, measured again: which runs a table needs, the runs, and the table."""
