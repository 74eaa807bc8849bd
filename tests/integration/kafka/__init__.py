"""Kafka delivery over a broker of the protocol, and over librdkafka's mock cluster."""
