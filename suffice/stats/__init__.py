"""Numbers and a seed in, frozen values out: intervals, paired tests, power, shares and error budgets.

One noun or verb a file (`from suffice.stats.paired import paired`). Nothing here knows of runs, stacks or files, and
numpy and scipy are imported when a function is called.
"""
