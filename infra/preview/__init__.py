"""Every page with sample data, as files to be looked at: `python -m infra.preview FOLDER`, then serve the folder.

The tests render the same samples, and the same again with hostile text in every field.
"""

from typing import Final

from infra.preview import assistants, deletions, deploys, events, lenses, patterns, people, projects, start, usage
from infra.preview.frames import Samples

SAMPLES: Final[Samples] = {
    **start.SAMPLES, **people.SAMPLES, **projects.SAMPLES, **events.SAMPLES, **patterns.SAMPLES, **lenses.SAMPLES,
    **deploys.SAMPLES, **deletions.SAMPLES, **assistants.SAMPLES, **usage.SAMPLES,
}  # fmt: skip
