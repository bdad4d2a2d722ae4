"""Only what pyproject.toml cannot say: the tag of a wheel that has a library, but no extension."""

import os

from setuptools import Distribution, setup

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

PLATFORM = os.environ.get("BGJOBS_PLATFORM")


class Package(Distribution):
    def has_ext_modules(self):
        return PLATFORM is not None


class Wheel(bdist_wheel):
    def get_tag(self):
        return ("py3", "none", PLATFORM or "any")


setup(distclass=Package, cmdclass={"bdist_wheel": Wheel})
