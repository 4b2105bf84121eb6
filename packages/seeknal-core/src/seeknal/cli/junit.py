"""Outcomes as JUnit XML, which test reports of most CI systems read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from seeknal.run.checking import Checked

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(found: list[Checked], took: float) -> str:
    """A suite for each node, a case for each audit. A warning is a case that passes and says so."""
    root = ET.Element("testsuites", _counts(found) | {"name": "seeknal audit", "time": f"{took:.3f}"})
    for node in dict.fromkeys(c.node for c in found):
        cases = [c for c in found if c.node == node]
        seconds = sum(c.outcome.seconds for c in cases)
        suite = ET.SubElement(root, "testsuite", _counts(cases) | {"name": node, "time": f"{seconds:.3f}"})
        for checked in cases:
            _case(suite, checked)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _case(suite: ET.Element, checked: Checked) -> None:
    outcome = checked.outcome
    name = outcome.label if checked.published else f"{outcome.label} (not published)"
    case = ET.SubElement(suite, "testcase", {"classname": checked.node, "name": _text(name), "time": f"{outcome.seconds:.3f}"})
    message = _text(outcome.finding)
    if checked.status in ("fail", "error"):
        tag = "failure" if checked.status == "fail" else "error"
        ET.SubElement(case, tag, {"message": message, "type": outcome.type}).text = message
    elif checked.status == "warn":
        ET.SubElement(case, "system-out").text = f"warning: {message}"


def _counts(found: list[Checked]) -> dict[str, str]:
    statuses = [c.status for c in found]
    return {"tests": str(len(found)), "failures": str(statuses.count("fail")), "errors": str(statuses.count("error"))}


def _text(value: str) -> str:
    """Text without the characters that XML cannot hold, each replaced by the character for what is not one."""
    return _NOT_XML.sub("\ufffd", value)
