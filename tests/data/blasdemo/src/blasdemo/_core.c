/* Matrices come and go as Python lists of floats, row by row: the numbers matter here, not the speed of the way in. */
#include <Python.h>
#include <stdlib.h>
#include <time.h>

#ifdef BLAS_SYMBOL_PREFIX
#define JOIN3(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN3(a, b, c)
#ifndef BLAS_SYMBOL_SUFFIX
#define BLAS_SYMBOL_SUFFIX
#endif
#define CBLAS(name) JOIN(BLAS_SYMBOL_PREFIX, cblas_##name, BLAS_SYMBOL_SUFFIX)
#define LAPACK(name) JOIN(BLAS_SYMBOL_PREFIX, name##_, BLAS_SYMBOL_SUFFIX)
#else
#define CBLAS(name) cblas_##name
#define LAPACK(name) name##_
#endif

#ifdef HAVE_BLAS_ILP64
typedef long long blas_int;
#else
typedef int blas_int;
#endif

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

#ifdef BLASDEMO_BLAS
extern void CBLAS(dgemm)(int order, int transa, int transb, blas_int m, blas_int n, blas_int k, double alpha,
                         const double *a, blas_int lda, const double *b, blas_int ldb, double beta, double *c,
                         blas_int ldc);
extern void LAPACK(dsyev)(char *jobz, char *uplo, blas_int *n, double *a, blas_int *lda, double *w, double *work,
                          blas_int *lwork, blas_int *info);
#endif

static double *from_list(PyObject *list, Py_ssize_t expected)
{
    PyObject *fast = PySequence_Fast(list, "a sequence of floats is needed");
    double *values = NULL;
    if (fast == NULL) return NULL;
    if (PySequence_Fast_GET_SIZE(fast) != expected) {
        PyErr_SetString(PyExc_ValueError, "the matrix has another size");
    } else if ((values = malloc(sizeof(double) * (size_t)(expected + 1))) == NULL) {
        PyErr_NoMemory();
    } else {
        Py_ssize_t i;
        for (i = 0; i < expected; i++) values[i] = PyFloat_AsDouble(PySequence_Fast_GET_ITEM(fast, i));
        if (PyErr_Occurred()) {
            free(values);
            values = NULL;
        }
    }
    Py_DECREF(fast);
    return values;
}

static PyObject *to_list(const double *values, Py_ssize_t length)
{
    Py_ssize_t i;
    PyObject *list = PyList_New(length);
    for (i = 0; list != NULL && i < length; i++) {
        PyObject *item = PyFloat_FromDouble(values[i]);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, item);
    }
    return list;
}

static void multiply(int n, const double *a, const double *b, double *c)
{
#ifdef BLASDEMO_BLAS
    CBLAS(dgemm)(101, 111, 111, n, n, n, 1.0, a, n, b, n, 0.0, c, n);
#else
    int i, j, k;
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++) {
            double sum = 0.0;
            for (k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
            c[i * n + j] = sum;
        }
#endif
}

static PyObject *dgemm(PyObject *self, PyObject *args)
{
    int n;
    PyObject *first, *second, *result = NULL;
    double *a, *b = NULL, *c = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "iOO", &n, &first, &second)) return NULL;
    a = from_list(first, (Py_ssize_t)n * n);
    if (a != NULL) b = from_list(second, (Py_ssize_t)n * n);
    if (b != NULL) c = calloc((size_t)n * (size_t)n + 1, sizeof(double));
    if (c != NULL) {
        Py_BEGIN_ALLOW_THREADS
        multiply(n, a, b, c);
        Py_END_ALLOW_THREADS
        result = to_list(c, (Py_ssize_t)n * n);
    }
    free(a);
    free(b);
    free(c);
    return result;
}

static PyObject *dsyev(PyObject *self, PyObject *args)
{
    int n;
    PyObject *matrix, *result = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "iO", &n, &matrix)) return NULL;
#ifdef BLASDEMO_BLAS
    {
        char jobz = 'N', uplo = 'U';
        blas_int order = n, lwork = 34 * (blas_int)n, info = 0;
        double *a = from_list(matrix, (Py_ssize_t)n * n);
        double *w = malloc(sizeof(double) * (size_t)(n + 1)), *work = malloc(sizeof(double) * (size_t)(lwork + 1));
        if (a != NULL && w != NULL && work != NULL) {
            LAPACK(dsyev)(&jobz, &uplo, &order, a, &order, w, work, &lwork, &info);
            if (info == 0)
                result = to_list(w, n);
            else
                PyErr_SetString(PyExc_ArithmeticError, "dsyev did not converge");
        }
        free(a);
        free(w);
        free(work);
    }
#else
    PyErr_SetString(PyExc_NotImplementedError, "built without LAPACK");
#endif
    return result;
}

/* The loop that has no run-time dispatch: what instructions it is made of is up to the compiler's flags. */
static void add_scaled(Py_ssize_t n, double factor, const double *restrict x, double *restrict y)
{
    Py_ssize_t i;
    for (i = 0; i < n; i++) y[i] += factor * x[i];
}

static PyObject *axpy(PyObject *self, PyObject *args)
{
    Py_ssize_t n;
    double factor, *x, *y = NULL;
    PyObject *first, *second, *result = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "dOO", &factor, &first, &second)) return NULL;
    n = PySequence_Length(first);
    x = from_list(first, n);
    if (x != NULL) y = from_list(second, n);
    if (y != NULL) {
        add_scaled(n, factor, x, y);
        result = to_list(y, n);
    }
    free(x);
    free(y);
    return result;
}

/* CPU time by a function as old as C, not clock_gettime: that one needs glibc 2.17, and pip 9 sees no wheel that does. */
static double now(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* One call of what is timed; the matrix is made anew outside of the time, as dsyev overwrites it. */
static double once(const char *what, int n, double *a, double *b, double *c)
{
    Py_ssize_t i, size = (Py_ssize_t)n * n;
    double begin;
    int pass;
    for (i = 0; i < size; i++) {
        a[i] = (i / n == i % n) ? 2.0 : 1.0 / (double)(1 + i / n + i % n);
        b[i] = c[i] = 1.0;
    }
    begin = now();
    if (what[0] == 'a')
        for (pass = 0; pass < 1000; pass++) add_scaled(size, 0.5, a, b);
#ifdef BLASDEMO_BLAS
    if (what[0] == 'd' && what[1] == 's') {
        char jobz = 'N', uplo = 'U';
        blas_int order = n, lwork = (blas_int)size, info = 0;
        LAPACK(dsyev)(&jobz, &uplo, &order, a, &order, b, c, &lwork, &info);
    }
#endif
    if (what[0] == 'd' && what[1] == 'g') multiply(n, a, b, c);
    return now() - begin;
}

static PyObject *timed(PyObject *self, PyObject *args)
{
    const char *what;
    int n, times;
    double best = 1e300, *a, *b, *c;
    size_t bytes;
    (void)self;
    if (!PyArg_ParseTuple(args, "sii", &what, &n, &times)) return NULL;
    bytes = sizeof(double) * ((size_t)n * (size_t)n + 64);
    a = malloc(bytes);
    b = malloc(bytes);
    c = malloc(bytes);
    if (a != NULL && b != NULL && c != NULL)
        while (times-- > 0) {
            double seconds = once(what, n, a, b, c);
            if (seconds < best) best = seconds;
        }
    free(a);
    free(b);
    free(c);
    return PyFloat_FromDouble(best);
}

static PyObject *blas_config(PyObject *self, PyObject *args)
{
    (void)self;
    (void)args;
#ifdef BLASDEMO_BLAS
    return PyUnicode_FromString(TEXT(BLASDEMO_BLAS));
#else
    return PyUnicode_FromString("none");
#endif
}

static PyMethodDef methods[] = {
    {"dgemm", dgemm, METH_VARARGS, "dgemm(n, a, b): the product of two square matrices"},
    {"dsyev", dsyev, METH_VARARGS, "dsyev(n, a): the eigenvalues of a symmetric matrix, in order"},
    {"axpy", axpy, METH_VARARGS, "axpy(factor, x, y): factor * x + y"},
    {"timed", timed, METH_VARARGS, "timed(what, n, times): CPU seconds of the fastest dgemm, dsyev or 1000 axpy"},
    {"blas_config", blas_config, METH_NOARGS, "the BLAS that was asked for when this was compiled"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModule_Create(&module);
}
