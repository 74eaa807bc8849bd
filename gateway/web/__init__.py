"""The HTTP edge: PSP webhooks, health and metrics."""
