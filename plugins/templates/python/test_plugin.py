"""Runs the cases of `capstan plugin test` in Python, without WebAssembly: `python -m unittest`, or pytest."""

from pathlib import Path

import yaml

import plugin
from capstan_sdk.testing import case_tests

CasesTest = case_tests(Path(__file__).parent / "cases", plugin, yaml.safe_load)
