"""Runs the tests in the folder tests and prints a line for each."""
import json
import logging
import unittest

logging.disable(logging.CRITICAL)  # the tests ask for every header


class Result(unittest.TestResult):
    def say(self, test, why=None):
        text = str(why[1]) if why else ""
        print("\nresult " + json.dumps({"test": test.id(), "failed": why is not None, "why": text}), flush=True)

    def addSuccess(self, test):
        self.say(test)

    def addFailure(self, test, err):
        self.say(test, err)

    def addError(self, test, err):
        self.say(test, err)


unittest.defaultTestLoader.discover("tests", top_level_dir=".").run(Result())
