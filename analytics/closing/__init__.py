"""The closing report of a campaign 结项报告: what its posts came to, as a workbook and on paper.

What was wanted and done is the scheduler's; it is handed over as plain facts (`content`).
"""
