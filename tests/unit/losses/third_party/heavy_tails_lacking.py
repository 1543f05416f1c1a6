"""A loss whose package lacks something it needs."""

import a_package_that_is_not_installed  # noqa: F401

LOSS = None
