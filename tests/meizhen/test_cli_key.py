"""Keys by the command line: made, listed without themselves, revoked; nobody makes one beyond their reach."""

import json

import pytest
from command import Command

