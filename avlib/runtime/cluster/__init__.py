"""Tasks on the workers of a running Dask scheduler.

A cluster never changes a result: what computes is a process that starts in the client's folder and
has the code, the library versions and the kind of device that the client's keys stand for
(`work.py`); a worker that has not is taken out and named. `connect.py` is the way in. `client.py`
cuts the work into chunks, `crew.py` knows the workers, `carrier.py` runs inside Dask's, `host.py`
beside them.
"""
