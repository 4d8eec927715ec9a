/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifetime of the engine.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "save/engine.h"
#include "save/made.h"

int nv_save_start(struct nv_save *save, struct nv_err *err)
{
	int r = nv_timer_start(save);
	return r < 0 ? nv_fail(err, -r, "cannot start the save engine's timer thread") : 0;
}

int nv_save_new(const struct nv_save_config *config, struct nv_save **ret_save, struct nv_err *err)
{
	struct nv_save *save = calloc(1, sizeof(*save));
	if (!save) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	save->config = *config;
	save->next_id = 1;
	save->wake_ms = -1;
	for (size_t i = 0; i < NV_DELAYS; i++) {
		save->due[i] = (struct nv_due){ &save->due[i], &save->due[i] };
	}
	save->dirs = nv_strmap_new();
	if (!save->dirs) {
		goto free_save;
	}
	save->mades = nv_strmap_new();
	if (!save->mades) {
		goto free_dirs;
	}
	if (nv_bases_new(&save->bases) < 0) {
		goto free_mades;
	}
	(void)pthread_mutex_init(&save->lock, NULL);
	for (size_t i = 0; i < NV_COMMIT_LOCKS; i++) {
		(void)pthread_mutex_init(&save->commit_locks[i], NULL);
	}
	(void)pthread_cond_init(&save->wake, NULL);
	*ret_save = save;
	return 0;

free_mades:
	nv_mades_free(save->mades);
free_dirs:
	nv_strmap_free(save->dirs, NULL);
free_save:
	free(save);
	return nv_fail(err, ENOMEM, "out of memory");
}

/* Says in the log which texts were never flushed: their writers were cut off by the end of the
 * mount. */
static void report_unflushed(struct nv_save *save)
{
	for (const struct nv_handle *h = save->handles; h; h = h->next) {
		if (h->kind == NV_HANDLE_WRITE && h->written && atomic_load(&h->unsettled) &&
		    !atomic_load(&h->detached)) {
			nv_log(NV_LOG_WARNING,
			       "%s: %llu bytes were written and never flushed; the stored datum stands",
			       h->path, atomic_load(&h->length));
		}
	}
}

void nv_save_finish(struct nv_save *save)
{
	nv_timer_stop(save);
	/* What fails here is in the errors ring and, since nobody will read that any more, in the
	 * log (commit.c). */
	(void)nv_commit_dir(save, "", true, NULL);
	nv_lock(save);
	report_unflushed(save);
	nv_unlock(save);
}

static void free_names(void *names)
{
	nv_names_free(names);
}

void nv_save_free(struct nv_save *save)
{
	if (!save) {
		return;
	}
	nv_timer_stop(save);
	nv_handles_free(save);
	nv_strmap_free(save->dirs, free_names);
	nv_mades_free(save->mades);
	nv_bases_free(save->bases);
	for (size_t i = 0; i < NV_REFUSALS; i++) {
		free(save->refusals[i].path);
	}
	for (size_t i = 0; i < NV_COMMIT_LOCKS; i++) {
		(void)pthread_mutex_destroy(&save->commit_locks[i]);
	}
	(void)pthread_cond_destroy(&save->wake);
	(void)pthread_mutex_destroy(&save->lock);
	free(save);
}
