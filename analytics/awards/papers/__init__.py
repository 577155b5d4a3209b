"""The papers of an award, from a run's folder: lists, notes, certificates, posters, a workbook.

making         which papers a run has, and all of them into a folder
templates      the typst templates, ours and a unit's own
press          a template and facts → PDF
facts          what every template may say
method, people what the method note, the minutes and the log of objections say
certificates   numbers and codes of the awarded accounts
sheet          every figure as a workbook
"""
