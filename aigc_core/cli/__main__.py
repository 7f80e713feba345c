"""``python -m aigc_core.cli``."""

from aigc_core.cli import main

main()
