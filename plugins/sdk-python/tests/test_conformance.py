"""The cases that every SDK has to pass. `CAPSTAN_CONFORMANCE` is the folder of those cases and this language's program."""

import importlib
import os
import sys
import unittest
from pathlib import Path

import yaml

from capstan_sdk.testing import case_tests, read_cases, take_log

FOLDER = Path(os.environ["CAPSTAN_CONFORMANCE"])
sys.path.insert(0, str(FOLDER))
PLUGIN = importlib.import_module("plugin")
ConformanceTest = case_tests(FOLDER / "cases", PLUGIN, yaml.safe_load)


class KitTest(unittest.TestCase):
    def test_a_wrong_expectation_is_a_failure_that_says_where(self) -> None:
        case = next(read_cases(FOLDER / "wrong", yaml.safe_load))
        with self.assertRaisesRegex(AssertionError, r"status\n    - 'degraded'\n    \+ 'healthy'"):
            case.run(PLUGIN)

    def test_the_log_is_kept_for_the_test(self) -> None:
        cases = list(read_cases(FOLDER / "cases", yaml.safe_load))
        self.assertGreater(len(cases), 20)
        take_log()
        cases[0].run(PLUGIN)
        self.assertEqual(take_log(), [("info", "claim example.com/Probe")])


if __name__ == "__main__":
    unittest.main()
