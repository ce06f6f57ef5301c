"""Write the dashboards: `python grafana/build.py` makes smtp-tls-fleet.json and smtp-tls-target.json beside this file.

In: the panels of fleet.py and target.py. Out: dashboards in Grafana's classic JSON model, which Grafana 10.4 and later load.
The JSON is what users copy; a test holds that it is what this file makes.
"""

from __future__ import annotations

import json
from pathlib import Path

import fleet
import target

DASHBOARDS = (fleet.dashboard, target.dashboard)


def main(into: Path) -> None:
    """Write each dashboard to the file that is named like its uid."""
    for make in DASHBOARDS:
        made = make()
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        (into / f"{made['uid']}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).parent)
