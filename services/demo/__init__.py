"""The main job from end to end, played by fictional firms over the public HTTP APIs only."""

from services.demo.http import Where
from services.demo.main import Options, run

__all__ = ["Options", "Where", "run"]
