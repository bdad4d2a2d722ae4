"""The version of this package: that of the library it was written for."""

__version__ = "0.2.0"
