"""One expression, many engines: aggregation and ranking of years of figures.

`question` says what may be put together how, `expression` does it in narwhals, the files named like a library
run it: duckdb (the default), pandas, dask, spark.
"""
