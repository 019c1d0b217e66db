"""Two calls into BLAS and LAPACK, and one loop of our own."""

from blasdemo._core import axpy, blas_config, dgemm, dsyev, timed

__all__ = ["axpy", "blas_config", "dgemm", "dsyev", "timed"]
__version__ = "1.0"
