/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static rh_app *open_app;
static bool ignored, waiting, interrupted, noting;
static int noted;
static void (*reload)(void *arg);
static void *reload_arg;

static void signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1); /* PostgREST's: schemas and settings anew */
    sigaddset(set, SIGUSR2);
}

static bool is_reload(int sig)
{
    return reload && sig != SIGINT && sig != SIGTERM;
}

static void *take_signals(void *arg)
{
    sigset_t set;
    int sig;
    (void)arg;
    signals(&set);
    while (sigwait(&set, &sig) == 0) {
        pthread_mutex_lock(&lock);
        bool skip = ignored && sig == SIGINT;
        if (is_reload(sig)) {
            reload(reload_arg);
        } else if (!skip && waiting) {
            interrupted = true;
            pthread_cond_signal(&came);
        } else if (!skip && noting && !noted) {
            noted = sig;
            fprintf(stderr, "\nrowhouse: interrupted; cleaning up\n");
        } else if (!skip) {
            fprintf(stderr, "\nrowhouse: interrupted\n");
            if (open_app)
                rh_app_close(open_app);
            _exit(128 + sig);
        }
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

void rh_interrupt_start(void)
{
    sigset_t set;
    pthread_t thread;
    signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, take_signals, NULL) == 0)
        pthread_detach(thread);
    else
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void rh_interrupt_app(rh_app *app)
{
    pthread_mutex_lock(&lock);
    open_app = app;
    pthread_mutex_unlock(&lock);
}

void rh_interrupt_ignore(bool ignore)
{
    pthread_mutex_lock(&lock);
    ignored = ignore;
    pthread_mutex_unlock(&lock);
}

void rh_interrupt_note(void)
{
    pthread_mutex_lock(&lock);
    noting = true;
    pthread_mutex_unlock(&lock);
}

int rh_interrupt_came(void)
{
    pthread_mutex_lock(&lock);
    int sig = noted;
    pthread_mutex_unlock(&lock);
    return sig;
}

void rh_interrupt_reload(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    reload = fn;
    reload_arg = arg;
    pthread_mutex_unlock(&lock);
}

void rh_interrupt_wait(void)
{
    pthread_mutex_lock(&lock);
    waiting = true;
    while (!interrupted)
        pthread_cond_wait(&came, &lock);
    pthread_mutex_unlock(&lock);
}
