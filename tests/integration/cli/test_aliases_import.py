"""`paygate aliases import` against a gateway that answers."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.aliases.import_lines import HEADER
from gateway.embedded import prepare_databases
from gateway.metrics import Metrics
from gateway.bootstrap import open_application
from gateway.api.server import build_grpc_edge
from tests.integration.cli.conftest import Run
