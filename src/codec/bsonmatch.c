/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which element of a stored array an edited element is, and the types that numbers keep.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "codec/bsondiff_int.h"

/* The value of one field in each element of an array that has it, sorted for finding. */
struct values {
	struct nv_raw_elem *elems; /* owned; one an element of the array; type 0 = no such field */
	struct nv_raw_key *keys;   /* owned; those that are there; index = element */
	int64_t *numbers;          /* owned; what the keys of numbers point to */
	size_t count;              /* of keys */
};

static void values_release(struct values *values)
{
	free(values->elems);
	free(values->keys);
	free(values->numbers);
}

/* The field of a document element; type 0 when there is none. */
static struct nv_raw_elem field_of(const struct nv_raw_elem *elem, const char *key)
{
	struct nv_raw_elem field = { .type = 0 };
	struct nv_raw_iter iter;
	if (elem->type != BSON_TYPE_DOCUMENT ||
	    nv_raw_iter_init(&iter, elem->value, elem->size) < 0) {
		return field;
	}
	while (nv_raw_iter_next(&iter, &field) > 0) {
		if (nv_raw_key_is(&field, key, strlen(key))) {
			return field;
		}
	}
	return (struct nv_raw_elem){ .type = 0 };
}

/* What to sort a value by: numbers by something that is equal when they are, whatever their type;
 * all else by its bytes. 0 or -ENOMEM. */
static int key_of(const struct nv_raw_elem *elem, int64_t *number, size_t index,
                  struct nv_raw_key *ret_key)
{
	if (!nv_raw_is_number(elem->type)) {
		nv_raw_key_init(ret_key, (const char *)elem->value, elem->size, index);
		return 0;
	}
	int r = nv_raw_number_mark(elem, number);
	if (r == 0) {
		nv_raw_key_init(ret_key, (const char *)number, sizeof(*number), index);
	}
	return r;
}

static int values_load(struct values *values, const struct nv_raw_fields *array, const char *key)
{
	size_t room = array->count ? array->count : 1;
	values->elems = calloc(room, sizeof(*values->elems));
	values->keys = calloc(room, sizeof(*values->keys));
	values->numbers = calloc(room, sizeof(*values->numbers));
	int r = values->elems && values->keys && values->numbers ? 0 : -ENOMEM;
	for (size_t i = 0; i < array->count && r == 0; i++) {
		values->elems[i] = field_of(&array->elems[i], key);
		if (values->elems[i].type != 0) {
			r = key_of(&values->elems[i], &values->numbers[i], i,
			           &values->keys[values->count++]);
		}
	}
	if (r == 0) {
		nv_raw_keys_sort(values->keys, values->count);
	}
	return r;
}

/* How many elements have that value, and the first of them. 0 or -ENOMEM. */
static int values_find(const struct values *values, const struct nv_raw_elem *want,
                       size_t *ret_found, size_t *ret_index)
{
	struct nv_raw_key key;
	int64_t number = 0;
	size_t low = 0;
	size_t high = values->count;
	int r = key_of(want, &number, 0, &key);
	if (r < 0) {
		return r;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (nv_raw_key_compare(&values->keys[middle], &key) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*ret_found = 0;
	/* two are as good as many: that no element is meant is known then */
	for (; low < values->count && *ret_found < 2 && r >= 0; low++) {
		if (nv_raw_key_compare(&values->keys[low], &key) != 0) {
			break;
		}
		size_t index = values->keys[low].index;
		r = nv_raw_same(&values->elems[index], want);
		if (r > 0 && (*ret_found)++ == 0) {
			*ret_index = index;
		}
	}
	return r < 0 ? r : 0;
}

/* Matching under way. */
struct matching {
	struct nv_raw_fields stored; /* owned */
	struct nv_raw_fields edited; /* owned */
	size_t *match;               /* owned; one an edited element */
	bool *taken;                 /* owned; one a stored element */
	bool *settled;               /* owned; one an edited element: matched, or known to be new */
};

static void matching_release(struct matching *matching)
{
	nv_raw_fields_release(&matching->stored);
	nv_raw_fields_release(&matching->edited);
	free(matching->match);
	free(matching->taken);
	free(matching->settled);
}

static int matching_init(struct matching *matching, const struct nv_raw_elem *stored,
                         const struct nv_raw_elem *edited)
{
	int r = nv_raw_fields_load(&matching->stored, stored->value, stored->size, false);
	r = r < 0 ? r : nv_raw_fields_load(&matching->edited, edited->value, edited->size, false);
	if (r < 0) {
		return r;
	}
	size_t count = matching->edited.count;
	matching->match = calloc(count ? count : 1, sizeof(*matching->match));
	matching->settled = calloc(count ? count : 1, sizeof(*matching->settled));
	matching->taken = calloc(matching->stored.count ? matching->stored.count : 1,
	                         sizeof(*matching->taken));
	if (!matching->match || !matching->settled || !matching->taken) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		matching->match[i] = NV_BSON_NO_MATCH;
	}
	return 0;
}

static void settle(struct matching *matching, size_t edited, size_t stored)
{
	matching->match[edited] = stored;
	matching->taken[stored] = true;
	matching->settled[edited] = true;
}

/* Matches by the field `key`: a value that one stored element has is that element, one that none
 * has is new, one that several have says nothing. 0, -ENOMEM; -EEXIST: the later one of two edited
 * elements with that value, *ret_twice, was left as new. */
static int match_by_field(struct matching *matching, const char *key, size_t *ret_twice)
{
	struct values values = { NULL, NULL, NULL, 0 };
	int r = values_load(&values, &matching->stored, key);
	for (size_t i = 0; i < matching->edited.count && r != -ENOMEM; i++) {
		struct nv_raw_elem want = field_of(&matching->edited.elems[i], key);
		size_t index = 0;
		if (matching->settled[i] || want.type == 0) {
			continue;
		}
		size_t found = 0;
		if (values_find(&values, &want, &found, &index) < 0) {
			r = -ENOMEM;
		} else if (found == 1 && !matching->taken[index]) {
			settle(matching, i, index);
		} else if (found <= 1) {
			matching->settled[i] = true;
			r = found == 1 ? -EEXIST : r;
			*ret_twice = found == 1 ? i : *ret_twice;
		}
	}
	values_release(&values);
	return r;
}

/* What is left when fields did not tell: elements that are no documents are their own identity,
 * others go by position when nothing can have moved. */
static int match_rest(struct matching *matching, struct nv_err *err)
{
	bool equal_length = matching->stored.count == matching->edited.count;
	size_t left = 0;
	for (size_t i = 0; i < matching->stored.count; i++) {
		left += !matching->taken[i] && matching->stored.elems[i].type == BSON_TYPE_DOCUMENT
		                ? 1
		                : 0;
	}
	for (size_t i = 0; i < matching->edited.count; i++) {
		if (matching->settled[i] || matching->edited.elems[i].type != BSON_TYPE_DOCUMENT ||
		    left == 0) {
			continue;
		}
		if (!equal_length || matching->taken[i] ||
		    matching->stored.elems[i].type != BSON_TYPE_DOCUMENT) {
			return nv_fail(
				err, EINVAL,
				"element %zu: which stored element it is cannot be told: give it its _id",
				i);
		}
		settle(matching, i, i);
		left--;
	}
	return 0;
}

static void array_elem(const bson_t *array, struct nv_raw_elem *ret_elem)
{
	nv_bson_whole(array, ret_elem);
	ret_elem->type = BSON_TYPE_ARRAY;
}

int nv_bson_match_elements(const bson_t *stored, const bson_t *edited, const char *key_field,
                           size_t **ret_match, size_t *ret_count, struct nv_err *err)
{
	int r = nv_bson_check(stored, "the stored array", err);
	r = r < 0 ? r : nv_bson_check(edited, "the new array", err);
	if (r < 0) {
		return r;
	}
	struct nv_raw_elem old;
	struct nv_raw_elem new;
	array_elem(stored, &old);
	array_elem(edited, &new);
	struct matching matching = { .match = NULL };
	size_t twice = 0;
	r = matching_init(&matching, &old, &new);
	r = r < 0 ? r : match_by_field(&matching, "_id", &twice);
	if (r == -EEXIST) {
		r = nv_fail(err, EINVAL, "element %zu: its _id stands twice", twice);
	} else if (r == 0 && key_field && match_by_field(&matching, key_field, &twice) == -ENOMEM) {
		r = -ENOMEM;
	}
	if (r == -ENOMEM) {
		(void)nv_fail(err, ENOMEM, "no memory to compare arrays");
	}
	r = r < 0 ? r : match_rest(&matching, err);
	if (r == 0) {
		*ret_count = matching.edited.count;
		*ret_match = matching.edited.count ? steal(&matching.match) : NULL;
	}
	matching_release(&matching);
	return r;
}

/* The types that numbers keep: a document is rewritten with the stored one beside it. */
struct retyping {
	struct nv_buf out; /* owned */
};

static int retype_field(struct retyping *retyping, const struct nv_raw_elem *stored,
                        const struct nv_raw_elem *edited);

static int retype_document(struct retyping *retyping, const struct nv_raw_elem *stored,
                           const struct nv_raw_elem *edited)
{
	cleanup_raw_fields struct nv_raw_fields old = NV_RAW_FIELDS_INIT;
	int r = nv_raw_fields_load(&old, stored->value, stored->size, true);
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	size_t start = nv_raw_begin(&retyping->out);
	r = r < 0 ? r : nv_raw_iter_init(&iter, edited->value, edited->size);
	for (size_t i = 0; r == 0 && nv_raw_iter_next(&iter, &elem) > 0; i++) {
		r = retype_field(retyping, nv_raw_fields_find(&old, i, elem.key, elem.key_size),
		                 &elem);
	}
	nv_raw_end(&retyping->out, start);
	return r;
}

/* Matches elements for their numbers' types: by _id; where none has one, those before and after the
 * run that was put in or taken out, and inside it by position. */
static int align(struct matching *matching)
{
	size_t twice = 0;
	int r = match_by_field(matching, "_id", &twice);
	size_t old = matching->stored.count;
	size_t new = matching->edited.count;
	size_t head = 0;
	size_t tail = 0;
	if (r == -ENOMEM) {
		return r;
	}
	r = 1;
	while (head < old && head < new &&r > 0) {
		r = nv_raw_same(&matching->stored.elems[head], &matching->edited.elems[head]);
		head += r > 0 ? 1 : 0;
	}
	for (r = r < 0 ? r : 1; head + tail < old && head + tail < new &&r > 0;) {
		r = nv_raw_same(&matching->stored.elems[old - 1 - tail],
		                &matching->edited.elems[new - 1 - tail]);
		tail += r > 0 ? 1 : 0;
	}
	for (size_t i = 0; i < new &&r >= 0; i++) {
		size_t at = i < new - tail ? i : i + old - new;
		if (!matching->settled[i] && (i >= new - tail || at < old - tail) &&
		    !matching->taken[at]) {
			settle(matching, i, at);
		}
	}
	return r < 0 ? r : 0;
}

static int retype_array(struct retyping *retyping, const struct nv_raw_elem *stored,
                        const struct nv_raw_elem *edited)
{
	struct matching matching = { .match = NULL };
	int r = matching_init(&matching, stored, edited);
	r = r < 0 ? r : align(&matching);
	size_t start = nv_raw_begin(&retyping->out);
	for (size_t i = 0; i < matching.edited.count && r == 0; i++) {
		size_t at = matching.match[i];
		r = retype_field(retyping,
		                 at == NV_BSON_NO_MATCH ? NULL : &matching.stored.elems[at],
		                 &matching.edited.elems[i]);
	}
	nv_raw_end(&retyping->out, start);
	matching_release(&matching);
	return r;
}

/* Writes the edited field; stored is the one at its path, or NULL. */
static int retype_field(struct retyping *retyping, const struct nv_raw_elem *stored,
                        const struct nv_raw_elem *edited)
{
	const struct nv_raw_elem *keep = edited;
	if (stored && stored->type == edited->type && nv_raw_is_container(edited->type) &&
	    !nv_raw_equal(stored, edited)) {
		nv_raw_put_key(&retyping->out, edited->type, edited->key, edited->key_size);
		return edited->type == BSON_TYPE_ARRAY ? retype_array(retyping, stored, edited)
		                                       : retype_document(retyping, stored, edited);
	}
	if (stored && stored->type != edited->type && nv_raw_is_number(stored->type) &&
	    nv_raw_is_number(edited->type)) {
		int r = nv_raw_equal_numbers(stored, edited);
		if (r < 0) {
			return r;
		}
		keep = r ? stored : edited;
	}
	nv_raw_put(&retyping->out, edited->key, edited->key_size, keep);
	return 0;
}

int nv_bson_retype(const bson_t *stored, const bson_t *edited, bson_t **ret_doc)
{
	struct nv_raw_elem old;
	struct nv_raw_elem new;
	if (nv_bson_check(stored, "", NULL) < 0 || nv_bson_check(edited, "", NULL) < 0) {
		return -EINVAL;
	}
	nv_bson_whole(stored, &old);
	nv_bson_whole(edited, &new);
	struct retyping retyping = { NV_BUF_INIT };
	int r = retype_document(&retyping, &old, &new);
	r = r < 0 ? r : nv_raw_to_bson(&retyping.out, ret_doc);
	nv_buf_release(&retyping.out);
	return r;
}
