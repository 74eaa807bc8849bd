"""The reference exchange of files with the back office: folders that both can reach."""

from legacy_bridge.files.folder import RefundFolder

__all__ = ["RefundFolder"]
