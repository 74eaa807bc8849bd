"""What Kafka delivery decides without a broker."""
