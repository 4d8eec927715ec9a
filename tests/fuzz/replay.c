/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A fuzzer's main for make check: its corpus, then mutations of it from a printed seed. A finding
 * aborts, which the harness counts as a failure. NV_FUZZ_RUNS and NV_FUZZ_SEED override how many
 * and which.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS_MAX = 1024, DEFAULT_RUNS = 5000 };

struct corpus {
	struct nv_buf inputs[INPUTS_MAX];
	size_t count;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void read_file(const char *path, struct nv_buf *out)
{
	char block[4096];
	size_t size;
	FILE *file = fopen(path, "rbe");

	if (!file) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	while ((size = fread(block, 1, sizeof(block), file)) > 0) {
		nv_buf_append(out, block, size);
	}
	(void)fclose(file);
	nv_buf_reserve(out, 0);
}

static void read_corpus(const char *name, struct corpus *corpus)
{
	char path[4096];
	struct dirent **names;
	const char *srcdir = getenv("NV_SRCDIR");

	(void)snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name);
	int count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char file[8192];

		if (names[i]->d_name[0] != '.' && corpus->count < INPUTS_MAX) {
			(void)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
			read_file(file, &corpus->inputs[corpus->count++]);
		}
		free(names[i]);
	}
	if (count >= 0) {
		free(names);
	}
}

/* Some changed, dropped, doubled and made-up bytes. */
static void mutate(const struct corpus *corpus, uint64_t *random, struct nv_buf *out)
{
	static const char marks[] = "\\\n\t :{}[]\",-+.0%~\x7f\x80\xc3\xff";

	nv_buf_truncate(out, 0);
	if (corpus->count > 0 && next_random(random) % 16 != 0) {
		const struct nv_buf *input = &corpus->inputs[next_random(random) % corpus->count];
		nv_buf_append(out, input->data, input->len);
	}
	for (uint64_t changes = next_random(random) % 8 + 1; changes > 0; changes--) {
		uint64_t value = next_random(random);
		size_t at = out->len ? (size_t)(value >> 32) % out->len : 0;
		char byte = value & 1 ? marks[(value >> 8) % sizeof(marks)] : (char)(value >> 8);

		switch (value >> 4 & 3) {
		case 0:
			nv_buf_putc(out, byte);
			break;
		case 1:
			nv_buf_truncate(out, at);
			break;
		case 2:
			nv_buf_putc(out, out->len ? out->data[at] : byte);
			break;
		default:
			if (out->len > 0) {
				out->data[at] = byte;
			}
			break;
		}
	}
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	const char *name = argc > 0 && strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	const char *runs_text = getenv("NV_FUZZ_RUNS");
	const char *seed_text = getenv("NV_FUZZ_SEED");
	unsigned long runs = runs_text ? strtoul(runs_text, NULL, 10) : DEFAULT_RUNS;
	uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : (uint64_t)time(NULL);
	uint64_t random = seed * 2 + 1;
	struct nv_buf input = NV_BUF_INIT;

	read_corpus(name, &corpus);
	printf("1..2\n# NV_FUZZ_SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	for (size_t i = 0; i < corpus.count; i++) {
		(void)LLVMFuzzerTestOneInput((const uint8_t *)corpus.inputs[i].data,
		                             corpus.inputs[i].len);
	}
	printf("%s 1 - %zu inputs of the corpus\n", corpus.count > 0 ? "ok" : "not ok",
	       corpus.count);
	(void)fflush(stdout);
	for (unsigned long i = 0; i < runs; i++) {
		mutate(&corpus, &random, &input);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)(input.data ? input.data : ""),
		                             input.len);
	}
	printf("ok 2 - %lu mutations\n", runs);
	nv_buf_release(&input);
	for (size_t i = 0; i < corpus.count; i++) {
		nv_buf_release(&corpus.inputs[i]);
	}
	return 0;
}
