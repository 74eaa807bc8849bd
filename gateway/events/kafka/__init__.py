"""Kafka delivery: the database stays the truth and keeps every retry; topics move the work."""
