"""Settings: what can be set, and where it is set."""

from aigc_core.config.schema import Config, ModerationSection, RunsSection, data_folder
from aigc_core.config.sources import FILE, Settings, load, user_file

__all__ = ["FILE", "Config", "ModerationSection", "RunsSection", "Settings", "data_folder", "load", "user_file"]
