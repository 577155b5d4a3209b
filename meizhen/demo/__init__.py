"""The whole loop in a minute: a year of an autonomous region's youth organisation against a local sandbox.

The organisations and the campaign are facts of public notices; accounts, readers and figures are made up.
"""
