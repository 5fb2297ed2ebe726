/* AdamW over all parameters in one pass, and the lengths of their gradients in another, for MindSpore's Custom (aot).
 *
 * Tensors are cut into blocks of a fixed size, which threads take one after the other. No number depends on who took
 * a block: elements are reckoned each by itself, and a block's sum is added to others in the order of the blocks. Every
 * operation is rounded as IEEE 754 says (no contraction, no reordering), so vectors of any width give the same bytes.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __SSE__
#include <xmmintrin.h>
#endif

#define BLOCK 32768 /* elements: what one step of a thread reads of four tensors stays in its cache */
#define LANES 16
#define THREADS 64

enum { RATE, STEP, EPSILON, FACTOR }; /* settings that differ from update to update */

typedef struct Work Work;

struct Work {
    int tensors;
    float **arrays;        /* tensors parameters, then as many first moments, second moments and gradients */
    const float *settings; /* see the enum */
    const float *lefts;    /* 1 - beta1, 1 - beta2 */
    const float *rates;    /* of each parameter, multiples of the rate */
    const float *shares;   /* of each parameter, what times the rate is taken off */
    const int64_t *sizes;
    const int64_t *starts; /* tensors + 1: the number of each tensor's first block */
    double *sums;          /* of each block, squared */
    int64_t next;          /* block that nobody has taken */
    void (*run)(const Work *, int tensor, int64_t begin, int64_t end, int64_t block);
};

static void update(const Work *work, int tensor, int64_t begin, int64_t end, int64_t block) {
    float *restrict parameter = work->arrays[tensor];
    float *restrict first = work->arrays[tensor + work->tensors];
    float *restrict second = work->arrays[tensor + 2 * work->tensors];
    const float *restrict gradient = work->arrays[tensor + 3 * work->tensors];
    const float step = work->settings[STEP] * work->rates[tensor], epsilon = work->settings[EPSILON];
    const float shrink = work->settings[RATE] * work->shares[tensor], factor = work->settings[FACTOR];
    const float left1 = work->lefts[0], left2 = work->lefts[1];
    (void)block;
    for (int64_t i = begin; i < end; i++) {
        const float g = gradient[i] * factor;
        const float m = first[i] + (g - first[i]) * left1;
        const float v = second[i] + (g * g - second[i]) * left2;
        const float p = parameter[i] - parameter[i] * shrink;
        first[i] = m;
        second[i] = v;
        parameter[i] = p - step * m / (sqrtf(v) + epsilon);
    }
}

static void square(const Work *work, int tensor, int64_t begin, int64_t end, int64_t block) {
    const float *restrict gradient = work->arrays[tensor];
    double lanes[LANES] = {0}, sum = 0;
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            const double g = gradient[i + lane];
            lanes[lane] += g * g;
        }
    for (; i < end; i++) lanes[0] += (double)gradient[i] * gradient[i];
    for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
    work->sums[block] = sum;
}

static void *take(void *given) {
    Work *work = given;
    const int64_t blocks = work->starts[work->tensors];
    int tensor = 0;
#ifdef __SSE__ /* moments of words that occur no more fade below 1e-38, where it takes ten times as long: 0 instead */
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
#endif
    for (int64_t block; (block = __atomic_fetch_add(&work->next, 1, __ATOMIC_RELAXED)) < blocks;) {
        while (block >= work->starts[tensor + 1]) tensor++;
        const int64_t begin = (block - work->starts[tensor]) * BLOCK;
        const int64_t end = begin + BLOCK < work->sizes[tensor] ? begin + BLOCK : work->sizes[tensor];
        work->run(work, tensor, begin, end, block);
    }
#ifdef __SSE__
    _mm_setcsr(before);
#endif
    return NULL;
}

/* Threads live as long as a pass: to start one takes some 20 us, and nothing spins while the model computes. */
static void share(Work *work, int threads) {
    pthread_t others[THREADS];
    int started = 0;
    while (started < threads - 1 && started < THREADS && started + 1 < work->starts[work->tensors] &&
           !pthread_create(&others[started], NULL, take, work))
        started++;
    take(work);
    while (started) pthread_join(others[--started], NULL);
}

/* Both arrays of `tensors` and of `tensors + 1` numbers, for `free`; NULL where there is no memory. */
static int64_t *cut(int tensors, const int *ranks, int64_t **shapes) {
    int64_t *sizes = malloc((2 * (size_t)tensors + 1) * sizeof *sizes);
    if (!sizes) return NULL;
    int64_t *starts = sizes + tensors;
    starts[0] = 0;
    for (int tensor = 0; tensor < tensors; tensor++) {
        sizes[tensor] = 1;
        for (int axis = 0; axis < ranks[tensor]; axis++) sizes[tensor] *= shapes[tensor][axis];
        starts[tensor + 1] = starts[tensor] + (sizes[tensor] + BLOCK - 1) / BLOCK;
    }
    return sizes;
}

/* Inputs: threads (1,) int32, lefts (2,), rates and shares (n,), settings (4,), n parameters, n first moments,
 * n second moments, n gradients. The output (1,) is there because an operator has one. */
int adamw(int count, void **tensors, int *ranks, int64_t **shapes, const char **types, void *stream, void *extra) {
    const int number = (count - 6) / 4;
    int64_t *sizes = cut(number, ranks + 5, shapes + 5);
    if (!sizes) return 1;
    Work work = {.tensors = number, .arrays = (float **)tensors + 5, .lefts = tensors[1], .rates = tensors[2],
                 .shares = tensors[3], .settings = tensors[4], .sizes = sizes, .starts = sizes + number, .run = update};
    share(&work, *(int32_t *)tensors[0]);
    *(float *)tensors[count - 1] = 0;
    free(sizes);
    (void)types, (void)stream, (void)extra;
    return 0;
}

/* Inputs: a row of n numbers, threads (1,) int32, n gradients. Output: half the squared length of each and of all, (n + 1,). */
int lengths(int count, void **tensors, int *ranks, int64_t **shapes, const char **types, void *stream, void *extra) {
    const int number = count - 3;
    float *halves = tensors[count - 1];
    int64_t *sizes = cut(number, ranks + 2, shapes + 2);
    if (!sizes) return 1;
    int64_t *starts = sizes + number;
    double *sums = malloc((size_t)(starts[number] + 1) * sizeof *sums), all = 0;
    if (!sums) {
        free(sizes);
        return 1;
    }
    Work work = {.tensors = number, .arrays = (float **)tensors + 2, .sizes = sizes, .starts = starts, .sums = sums,
                 .run = square};
    share(&work, *(int32_t *)tensors[1]);
    for (int tensor = 0; tensor < number; tensor++) {
        double sum = 0;
        for (int64_t block = starts[tensor]; block < starts[tensor + 1]; block++) sum += sums[block];
        halves[tensor] = (float)(sum / 2);
        all += sum;
    }
    halves[number] = (float)(all / 2);
    free(sums);
    free(sizes);
    (void)types, (void)stream, (void)extra;
    return 0;
}

/* MindSpore asks for the shape of an output where the compiler has lost that of a gradient, and takes the answer for a
 * std::vector<int64_t>: three pointers, which both C and C++ return through memory of the caller's (Itanium C++ ABI,
 * on x86-64 and AArch64), and which the caller frees. */
typedef struct {
    int64_t *begin, *end, *limit;
} Shape;

static Shape shape_of(int64_t length) {
    int64_t *begin = malloc(sizeof *begin);
    if (!begin) abort();
    *begin = length;
    return (Shape){begin, begin + 1, begin + 1};
}

Shape adamwInferShape(int *ranks, int64_t **shapes, void *extra) {
    (void)ranks, (void)shapes, (void)extra;
    return shape_of(1);
}

Shape lengthsInferShape(int *ranks, int64_t **shapes, void *extra) {
    (void)ranks, (void)extra;
    return shape_of(shapes[0][0] + 1);
}
