//
// This source file is part of the loradrop open source project.
// SPDX-License-Identifier: Apache-2.0
//

#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

/// A job that is shared; it lies on its owner's stack.
struct shared_job {
    ck_job_body body;
    const void *job;
    size_t count;
    /// The first unit that nobody has taken.
    size_t next;
    /// Into how many parts of equal size the units that are left would be cut.
    size_t parts;
    /// Who works on it beside its owner, who waits for them.
    size_t helpers;
};

// The counts that are looked at without the lock are changed with it held.
struct ck_crew {
    pthread_mutex_t lock;
    /// A job is offered, or nobody works any more.
    pthread_cond_t changed;
    /// A helper is done with a job.
    pthread_cond_t finished;
    /// Members with work of their own.
    size_t working;
    /// Members without, which wait for a job or do one.
    size_t free;
    /// One with units that nobody has taken, as far as is known. Jobs that come before they are taken are done by their
    /// owners.
    struct shared_job *offered;
};

/// How often one looks again before one sleeps: to be woken takes longer than most waits here.
#define CK_ATTENTIVE_LOOKS 200

static _Thread_local struct ck_crew *own_crew = NULL;

struct ck_crew *ck_make_crew(void) {
    struct ck_crew *crew = calloc(1, sizeof(struct ck_crew));
    if (crew) {
        pthread_mutex_init(&crew->lock, NULL);
        pthread_cond_init(&crew->changed, NULL);
        pthread_cond_init(&crew->finished, NULL);
    }
    return crew;
}

void ck_free_crew(struct ck_crew *crew) {
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->changed);
    pthread_cond_destroy(&crew->finished);
    free(crew);
}

void ck_join_crew(struct ck_crew *crew) {
    own_crew = crew;
}

void ck_begin_crew(struct ck_crew *crew, size_t members) {
    pthread_mutex_lock(&crew->lock);
    __atomic_store_n(&crew->working, members, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&crew->lock);
}

/// Whether nothing of a job is left to take.
static int is_taken(const struct shared_job *shared) {
    return __atomic_load_n(&shared->next, __ATOMIC_RELAXED) >= shared->count;
}

/// Takes units of a job while there are any: much at first, and less and less, so that all are done at about one time.
static void take_part(struct shared_job *shared) {
    size_t begin = __atomic_load_n(&shared->next, __ATOMIC_RELAXED);
    while (begin < shared->count) {
        size_t share = (shared->count - begin) / shared->parts;
        size_t end = begin + (share > 0 ? share : 1);
        if (__atomic_compare_exchange_n(&shared->next, &begin, end, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            shared->body(shared->job, begin, end);
            begin = __atomic_load_n(&shared->next, __ATOMIC_RELAXED);
        }
    }
}

/// Nobody else shall begin with a job of which all units are taken. The lock is held.
static void withdraw(struct ck_crew *crew, const struct shared_job *shared) {
    if (crew->offered == shared) {
        __atomic_store_n(&crew->offered, NULL, __ATOMIC_RELAXED);
    }
}

void ck_share(size_t count, ck_job_body body, const void *job) {
    struct ck_crew *crew = own_crew;
    size_t others = crew ? __atomic_load_n(&crew->free, __ATOMIC_RELAXED) : 0;
    if (others == 0 || count < 2) {
        body(job, 0, count);
        return;
    }
    struct shared_job shared = {.body = body, .job = job, .count = count, .parts = 2 * (others + 1)};
    pthread_mutex_lock(&crew->lock);
    int is_offered = !crew->offered || is_taken(crew->offered);
    if (is_offered) {
        __atomic_store_n(&crew->offered, &shared, __ATOMIC_RELAXED);
        pthread_cond_broadcast(&crew->changed);
    }
    pthread_mutex_unlock(&crew->lock);
    if (!is_offered) {
        body(job, 0, count);
        return;
    }
    take_part(&shared);
    for (int look = 0; look < CK_ATTENTIVE_LOOKS && __atomic_load_n(&shared.helpers, __ATOMIC_RELAXED) > 0; look++) {
        sched_yield();
    }
    pthread_mutex_lock(&crew->lock);
    withdraw(crew, &shared);
    while (shared.helpers > 0) {
        pthread_cond_wait(&crew->finished, &crew->lock);
    }
    pthread_mutex_unlock(&crew->lock);
}

static uint64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Whether a free member has something to do, or may go.
static int is_called(const struct ck_crew *crew) {
    return __atomic_load_n(&crew->offered, __ATOMIC_RELAXED) || __atomic_load_n(&crew->working, __ATOMIC_RELAXED) == 0;
}

/// Waits until a free member is called. The lock is held before and after, not meanwhile.
static void wait_for_call(struct ck_crew *crew) {
    pthread_mutex_unlock(&crew->lock);
    for (int look = 0; look < CK_ATTENTIVE_LOOKS && !is_called(crew); look++) {
        sched_yield();
    }
    pthread_mutex_lock(&crew->lock);
    while (!is_called(crew)) {
        pthread_cond_wait(&crew->changed, &crew->lock);
    }
}

uint64_t ck_help_crew(struct ck_crew *crew) {
    uint64_t helped = 0;
    pthread_mutex_lock(&crew->lock);
    __atomic_store_n(&crew->working, crew->working - 1, __ATOMIC_RELAXED);
    __atomic_store_n(&crew->free, crew->free + 1, __ATOMIC_RELAXED);
    if (crew->working == 0) {
        pthread_cond_broadcast(&crew->changed);
    }
    while (crew->working > 0) {
        struct shared_job *shared = crew->offered;
        if (!shared) {
            wait_for_call(crew);
            continue;
        }
        __atomic_store_n(&shared->helpers, shared->helpers + 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&crew->lock);
        uint64_t began = nanoseconds();
        take_part(shared);
        helped += nanoseconds() - began;
        pthread_mutex_lock(&crew->lock);
        withdraw(crew, shared);
        __atomic_store_n(&shared->helpers, shared->helpers - 1, __ATOMIC_RELAXED);
        if (shared->helpers == 0) {
            pthread_cond_broadcast(&crew->finished);
        }
    }
    __atomic_store_n(&crew->free, crew->free - 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&crew->lock);
    return helped;
}
