"""An entry point whose package lacks something it needs."""

import a_package_that_is_not_installed  # noqa: F401


def create(space, seed, options):
    return None
