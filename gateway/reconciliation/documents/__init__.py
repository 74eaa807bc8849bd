"""What a reconciliation is handed over as: JSON, CSV, and a page for people."""
