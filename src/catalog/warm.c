/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/warm.h"

#include <pthread.h>
#include <stdlib.h>

struct rh_warm {
    pthread_mutex_t lock;
    struct {
        int64_t home;
        rh_db *db;
    } lines[RH_WARM_MAX];
    int n;
};

rh_warm *rh_warm_new(void)
{
    rh_warm *w = rh_xcalloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    return w;
}

void rh_warm_free(rh_warm *w)
{
    if (!w)
        return;
    rh_warm_keep(w, NULL, 0);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* With the lock held. */
static int find(const rh_warm *w, int64_t home)
{
    int i = 0;
    while (i < w->n && w->lines[i].home != home)
        i++;
    return i;
}

static rh_db *remove_at(rh_warm *w, int i)
{
    rh_db *db = w->lines[i].db;
    w->lines[i] = w->lines[--w->n];
    return db;
}

void rh_warm_put(rh_warm *w, int64_t home, rh_db *db)
{
    pthread_mutex_lock(&w->lock);
    bool room = w->n < RH_WARM_MAX && find(w, home) == w->n;
    if (room) {
        w->lines[w->n].home = home;
        w->lines[w->n++].db = db;
    }
    pthread_mutex_unlock(&w->lock);
    if (!room)
        rh_db_close(db);
}

rh_db *rh_warm_take(rh_warm *w, int64_t home)
{
    pthread_mutex_lock(&w->lock);
    int i = find(w, home);
    rh_db *db = i < w->n ? remove_at(w, i) : NULL;
    pthread_mutex_unlock(&w->lock);
    /* a connection that the server has ended is readable */
    if (db && !(PQconsumeInput(rh_db_conn(db)) && PQstatus(rh_db_conn(db)) == CONNECTION_OK)) {
        rh_db_close(db);
        db = NULL;
    }
    return db;
}

bool rh_warm_has(rh_warm *w, int64_t home)
{
    pthread_mutex_lock(&w->lock);
    bool has = find(w, home) < w->n;
    pthread_mutex_unlock(&w->lock);
    return has;
}

void rh_warm_keep(rh_warm *w, const int64_t *homes, int n)
{
    pthread_mutex_lock(&w->lock);
    for (int i = w->n - 1; i >= 0; i--) {
        int k = 0;
        while (k < n && homes[k] != w->lines[i].home)
            k++;
        if (k == n)
            rh_db_close(remove_at(w, i));
    }
    pthread_mutex_unlock(&w->lock);
}
