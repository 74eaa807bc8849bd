"""The gateway's own tables, the unit of work over them, and their migrations."""
