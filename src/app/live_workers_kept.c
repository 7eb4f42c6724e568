/* Workers as a state needs them: all at one moment, and where what was kept goes. */
#include "app/live_workers_parts.h"

struct analysis *live_workers_analysis(struct live_workers *workers, unsigned worker)
{
    return workers->worker[worker].analysis;
}

unsigned live_workers_count(const struct live_workers *workers)
{
    return workers->config.n;
}

unsigned live_workers_owner(void *workers, const struct address *source)
{
    const struct live_workers *all = workers;
    return live_worker_owner(&all->config, source);
}

void live_workers_go_on(struct live_workers *workers, int64_t closed_until_s, bool has_time,
                        int64_t first_ns, int64_t last_ns)
{
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct report_totals totals;
        report_totals(workers->worker[w].analysis, &totals);
        workers->frames_before +=
            totals.counts[COUNT_packets] + totals.counts[COUNT_not_counted];
        live_worker_go_on(&workers->worker[w], closed_until_s);
    }
    if (has_time) {
        workers->worker[0].first_ns = workers->worker[0].said.first_ns = first_ns;
        workers->worker[0].last_ns = workers->worker[0].said.last_ns = last_ns;
    }
}

bool live_workers_times(const struct live_workers *workers, int64_t *ret_first_ns,
                        int64_t *ret_last_ns)
{
    int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
    for (unsigned w = 0; w < workers->config.n; w++) {
        const struct live_worker *worker = &workers->worker[w];
        first_ns = worker->first_ns < first_ns ? worker->first_ns : first_ns;
        last_ns = worker->last_ns > last_ns ? worker->last_ns : last_ns;
    }
    bool has_time = first_ns <= last_ns;
    *ret_first_ns = has_time ? first_ns : 0;
    *ret_last_ns = has_time ? last_ns : 0;
    return has_time;
}

void live_workers_close(struct live_workers *workers)
{
    for (unsigned w = 0; workers->config.keeps_state && w < workers->config.n; w++)
        live_worker_close(&workers->worker[w]);
}

void live_workers_hold(struct live_workers *workers)
{
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        worker->request = &workers->hold;
        atomic_store_explicit(&worker->has_request, true, memory_order_release);
        live_worker_wake(worker);
        (void)pthread_mutex_unlock(&worker->lock);
    }
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        while (!worker->held)
            (void)pthread_cond_wait(&worker->done, &worker->lock);
        (void)pthread_mutex_unlock(&worker->lock);
    }
}

void live_workers_release(struct live_workers *workers)
{
    for (unsigned w = 0; w < workers->config.n; w++) {
        struct live_worker *worker = &workers->worker[w];
        (void)pthread_mutex_lock(&worker->lock);
        worker->request = NULL;
        atomic_store_explicit(&worker->has_request, false, memory_order_relaxed);
        (void)pthread_cond_signal(&worker->released);
        (void)pthread_mutex_unlock(&worker->lock);
    }
}
