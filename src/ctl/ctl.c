/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each file is text made when it is asked for. Only status may wait for a store, so only its load
 * makes it anew: a listing or stat of .netviewfs/ must answer at once when a store is down, which
 * is when people come here.
 */
#include "config.h"

#include "ctl/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctl/internal.h"
#include "ctl/readme.h"

enum { STATUS_MAX_AGE_MS = 1000, MS_PER_SECOND = 1000 };

/* What parse_advance says of "stop". */
static const int64_t CLOCK_STOP = INT64_MAX;

int nv_ctl_new(const struct nv_ctl_config *config, struct nv_ctl **ret_ctl)
{
	struct nv_ctl *ctl = calloc(1, sizeof(*ctl));

	if (!ctl) {
		return -ENOMEM;
	}
	if (pthread_mutex_init(&ctl->lock, NULL) != 0) {
		goto fail_ctl;
	}
	ctl->build = strdup(config->build);
	ctl->options = strdup(config->options);
	if (!ctl->build || !ctl->options) {
		goto fail_lock;
	}
	ctl->clock = config->clock;
	ctl->errors = config->errors;
	ctl->metrics = config->metrics;
	ctl->conflicts = config->conflicts;
	ctl->rows = config->rows;
	ctl->rows_count = config->rows_count;
	ctl->has_netgoat = config->has_netgoat;
	ctl->has_netdox = config->has_netdox;
	ctl->test_control = config->test_control;
	ctl->start_ms = nv_clock_ms(ctl->clock);
	ctl->start_wall = nv_clock_wall(ctl->clock);
	*ret_ctl = ctl;
	return 0;

fail_lock:
	free(ctl->options);
	free(ctl->build);
	(void)pthread_mutex_destroy(&ctl->lock);
fail_ctl:
	free(ctl);
	return -ENOMEM;
}

void nv_ctl_free(struct nv_ctl *ctl)
{
	if (!ctl) {
		return;
	}
	nv_blob_unref(ctl->status);
	(void)pthread_mutex_destroy(&ctl->lock);
	free(ctl->schema);
	free(ctl->options);
	free(ctl->build);
	free(ctl);
}

int nv_ctl_add_status(struct nv_ctl *ctl, nv_ctl_describe_fn *describe, void *self)
{
	if (ctl->parts_count == NV_CTL_PARTS_MAX) {
		return -ENOSPC;
	}
	ctl->parts[ctl->parts_count++] = (struct nv_ctl_part){ .describe = describe, .self = self };
	return 0;
}

int nv_ctl_set_schema(struct nv_ctl *ctl, const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy) {
		return -ENOMEM;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	free(ctl->schema);
	ctl->schema = copy;
	ctl->schema_size = size;
	return 0;
}

static void put_status(struct nv_ctl *ctl, struct nv_buf *out)
{
	char started[32] = "?";
	struct tm tm;

	if (gmtime_r(&ctl->start_wall.tv_sec, &tm)) {
		(void)strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	nv_buf_puts(out, ctl->build);
	nv_buf_printf(out, "mounted: %s\n", started);
	nv_buf_printf(out, "uptime: %lld s\n",
	              (long long)((nv_clock_ms(ctl->clock) - ctl->start_ms) / MS_PER_SECOND));
	nv_buf_printf(out, "options: %s\n", ctl->options);
	for (size_t i = 0; i < ctl->parts_count; i++) {
		ctl->parts[i].describe(ctl->parts[i].self, out);
	}
}

/* Whether a path of this kind is there in this mount. */
static bool has_kind(const struct nv_ctl *ctl, int kind)
{
	return (kind != NV_CTL_CLOCK || ctl->test_control) &&
	       (kind != NV_CTL_SCHEMA || ctl->schema);
}

/* Whether .netviewfs/ lists it: conflicts/ only once there is one. */
static bool is_listed(const struct nv_ctl *ctl, int kind)
{
	if (kind == NV_CTL_CONFLICTS) {
		return nv_conflicts_count(ctl->conflicts) > 0;
	}
	return kind != NV_CTL_DIR && kind != NV_CTL_CONFLICT && kind != NV_CTL_CONFLICT_TEXT &&
	       has_kind(ctl, kind);
}

/* The text of every file but status. */
static void put_text(struct nv_ctl *ctl, int kind, struct nv_buf *out)
{
	switch (kind) {
	case NV_CTL_README:
		nv_ctl_readme(ctl->has_netgoat, ctl->has_netdox, out);
		break;
	case NV_CTL_CLOCK:
		nv_buf_printf(out, "%lld\n", (long long)nv_clock_ms(ctl->clock));
		break;
	case NV_CTL_ERRORS:
		nv_errors_ring_format(ctl->errors, out);
		break;
	case NV_CTL_METRICS:
		nv_metrics_format(ctl->metrics, out);
		break;
	case NV_CTL_SCHEMA:
		nv_buf_append(out, ctl->schema, ctl->schema_size);
		break;
	default:
		break;
	}
}

/* When a text last changed: README and the schema do not while mounted, status and metrics do
 * always. */
static struct timespec text_time(struct nv_ctl *ctl, int kind)
{
	if (kind == NV_CTL_ERRORS) {
		struct timespec newest = nv_errors_ring_time(ctl->errors);

		return newest.tv_sec ? newest : ctl->start_wall;
	}
	return kind == NV_CTL_README || kind == NV_CTL_SCHEMA ? ctl->start_wall
	                                                      : nv_clock_wall(ctl->clock);
}

/* Takes the text of *out. NULL when out of memory. */
static struct nv_blob *make_blob(struct nv_ctl *ctl, int kind, struct nv_buf *out)
{
	size_t size = 0;
	struct timespec mtime = text_time(ctl, kind);
	char *text = nv_buf_steal(out, &size);
	struct nv_blob *blob = nv_blob_new(text, size, nv_clock_ms(ctl->clock), NULL, NULL);

	if (blob) {
		blob->mtime = mtime;
		blob->stamped = true;
	}
	return blob;
}

/* The status made last; fresh: not older than a second, or made now. NULL when out of memory. */
static struct nv_blob *get_status(struct nv_ctl *ctl, bool fresh)
{
	cleanup_blob struct nv_blob *last = NULL;
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	pthread_mutex_lock(&ctl->lock);
	last = nv_blob_ref(ctl->status);
	pthread_mutex_unlock(&ctl->lock);
	if (last && (!fresh || nv_clock_ms(ctl->clock) - last->sampled_ms < STATUS_MAX_AGE_MS)) {
		return steal(&last);
	}

	int64_t sampled_ms = nv_clock_ms(ctl->clock);
	put_status(ctl, &text);
	struct nv_blob *blob = make_blob(ctl, NV_CTL_STATUS, &text);
	if (!blob) {
		return NULL;
	}
	blob->sampled_ms = sampled_ms;
	pthread_mutex_lock(&ctl->lock);
	struct nv_blob *old = ctl->status;
	ctl->status = nv_blob_ref(blob);
	pthread_mutex_unlock(&ctl->lock);
	nv_blob_unref(old);
	return blob;
}

static struct nv_blob *get_blob(struct nv_ctl *ctl, int kind, bool fresh)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	if (kind == NV_CTL_STATUS) {
		return get_status(ctl, fresh);
	}
	put_text(ctl, kind, &text);
	return make_blob(ctl, kind, &text);
}

static int ctl_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                      struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_ctl *ctl = self;

	(void)call;
	if (!has_kind(ctl, child->row->kind)) {
		return nv_fail(err, ENOENT, "%s is not in this mount", child->name);
	}
	struct nv_entry entry = { .row = child->row,
		                  .name = strdup(child->name),
		                  .sampled_ms = nv_clock_ms(ctl->clock) };
	if (child->row->type == NV_FILE) {
		entry.blob = get_blob(ctl, child->row->kind, false);
	}
	if (!entry.name || (child->row->type == NV_FILE && !entry.blob)) {
		nv_entry_release(&entry);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (entry.blob) {
		entry.size = entry.blob->size;
		entry.mtime = entry.blob->mtime;
		entry.stamped = true;
	}
	*ret_entry = entry;
	return 0;
}

static int ctl_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                    struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_ctl *ctl = self;
	cleanup_listing struct nv_listing *listing = nv_listing_new(nv_clock_ms(ctl->clock));

	(void)call;
	(void)dir; /* there is only one */
	if (!listing) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < ctl->rows_count; i++) {
		const struct nv_row *row = &ctl->rows[i];

		if (row->family != NV_FAMILY_CTL || !is_listed(ctl, row->kind)) {
			continue;
		}
		struct nv_blob *blob =
			row->type == NV_FILE ? get_blob(ctl, row->kind, false) : NULL;
		if ((row->type == NV_FILE && !blob) ||
		    nv_listing_add(listing, row, strdup(nv_row_component(row)), blob) != 0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	nv_listing_sort(listing);
	*ret_listing = steal(&listing);
	return 0;
}

static int ctl_load(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_ctl *ctl = self;

	(void)call;
	if (!has_kind(ctl, node->row->kind)) {
		return nv_fail(err, ENOENT, "%s is not in this mount", node->name);
	}
	struct nv_blob *blob = get_blob(ctl, node->row->kind, true);
	if (!blob) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_blob = blob;
	return 0;
}

static const char clock_wanted[] = "a number of milliseconds, or stop, is wanted";

/* Milliseconds to move the clock by, or CLOCK_STOP, and at most one newline. -1: something else. */
static int64_t parse_advance(const char *text, size_t size)
{
	int64_t ms = 0;

	if (size > 0 && text[size - 1] == '\n') {
		size--;
	}
	if (size == 4 && memcmp(text, "stop", size) == 0) {
		return CLOCK_STOP;
	}
	if (size == 0 || size > 12) {
		return -1;
	}
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i])) {
			return -1;
		}
		ms = ms * 10 + (text[i] - '0');
	}
	return ms;
}

/* A whole line that is wrong is refused when it is written, so that echo notices. */
static int ctl_check(void *self, const struct nv_call *call, const struct nv_node *node,
                     struct nv_blob *base, const char *text, size_t size, size_t from,
                     enum nv_check how, struct nv_err *err)
{
	(void)self;
	(void)node;
	(void)base;
	(void)from;
	bool whole = how == NV_CHECK_WHOLE || memchr(text, '\n', size);
	if (whole && parse_advance(text, size) < 0) {
		(void)nv_faults_add(call->faults, 1, 1, "%s", clock_wanted);
		return nv_fail(err, EINVAL, "%s", clock_wanted);
	}
	return 0;
}

static int ctl_save(void *self, const struct nv_call *call, const struct nv_node *node,
                    const struct nv_save_request *request, struct nv_save_result *result,
                    struct nv_err *err)
{
	struct nv_ctl *ctl = self;

	if (node->row->kind != NV_CTL_CLOCK) {
		return nv_fail(err, EPERM, "%s is read-only", node->name);
	}
	if (!ctl->test_control) {
		return nv_fail(err, ENOENT, "%s is not in this mount", node->name);
	}
	int64_t ms = parse_advance(request->text, request->size);
	if (ms < 0) {
		(void)nv_faults_add(call->faults, 1, 1, "%s", clock_wanted);
		return nv_fail(err, EINVAL, "%s", clock_wanted);
	}
	struct nv_blob *blob = get_blob(ctl, NV_CTL_CLOCK, true);
	if (!blob) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (ms == CLOCK_STOP) {
		nv_clock_stop(ctl->clock);
	} else {
		nv_clock_advance(ctl->clock, ms);
	}
	result->blob = blob;
	result->changed = true;
	return 0;
}

/* Nothing is made here: every other name is scratch. */
static int ctl_accepts(void *self, const struct nv_call *call, const struct nv_node *child,
                       struct nv_err *err)
{
	(void)self;
	(void)call;
	return nv_fail(err, EINVAL, "%s cannot be made here", child->name);
}

const struct nv_node_ops nv_ctl_ops = {
	.name = "control files",
	.lookup = ctl_lookup,
	.list = ctl_list,
	.load = ctl_load,
	.accepts = ctl_accepts,
	.check = ctl_check,
	.save = ctl_save,
};
