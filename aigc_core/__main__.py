"""``python -m aigc_core`` is ``aigc``."""

from aigc_core.cli import main

main()
