/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting waits for the server's own word, as "listening on 127.0.0.1:PORT", in its log file, and is
 * woken by inotify; so nothing sleeps. A file, because a server that logs into a closed pipe dies.
 */
#include "config.h"

#include "lib/mongo_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 32, START_MS = 60000, STOP_MS = 5000, PATH_SIZE = 512 };

/* A path in the cache of fetch.sh. */
static void cached(char path[PATH_SIZE], const char *rest)
{
	const char *own = getenv("NV_CACHE");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (own && *own) {
		(void)snprintf(path, PATH_SIZE, "%s/%s", own, rest);
	} else if (xdg && *xdg) {
		(void)snprintf(path, PATH_SIZE, "%s/netviewfs-tests/%s", xdg, rest);
	} else {
		(void)snprintf(path, PATH_SIZE, "%s/.cache/netviewfs-tests/%s", home ? home : "",
		               rest);
	}
}

#define SECANTUS "secantusdb-0.6.0b17/secantusdb.scripts/secantusd-rs"
#define JAVA_SERVER "mongo-java-server-1.47.0"
#define FERRET "ferretdb-1.24.2/ferretdb"

const char *nv_test_mongo_missing(enum nv_test_mongo_kind kind)
{
	char path[PATH_SIZE];

	cached(path, kind == NV_TEST_MONGO_JAVA     ? JAVA_SERVER "/Run.class"
	             : kind == NV_TEST_MONGO_FERRET ? FERRET
	                                            : SECANTUS);
	if (access(path, R_OK) == 0) {
		return NULL;
	}
	return kind == NV_TEST_MONGO_JAVA
	               ? "no mongo-java-server (sh tests/servers/fetch.sh mongo-java-server)"
	       : kind == NV_TEST_MONGO_FERRET
	               ? "no FerretDB (sh tests/servers/fetch.sh ferretdb, with Go 1.24 or later)"
	               : "no SecantusDB (sh tests/servers/fetch.sh secantusdb)";
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An empty configuration: a file of that name in the working directory or at home would be read. */
static size_t secantus_args(const struct nv_test_mongo *server, const char **args, char *port,
                            char *program, char *storage)
{
	size_t count = 0;
	char *config = storage + PATH_SIZE;
	const char *const list[] = { program, "--config",       config,  "--port",
		                     port,    "--storage-path", storage, "--cache-size",
		                     "64M",   "--log-file-max", "16MB",  "--sync-on-commit" };

	cached(program, SECANTUS);
	(void)snprintf(storage, PATH_SIZE, "%s/db", server->dir);
	(void)snprintf(config, PATH_SIZE, "%s/empty.toml", server->dir);
	int fd = open(config, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)close(fd);
	}
	for (; count < sizeof(list) / sizeof(list[0]); count++) {
		args[count] = list[count];
	}
	if (server->kind == NV_TEST_MONGO_SECANTUS_STANDALONE) {
		args[count++] = "--standalone";
	}
	return count;
}

static size_t java_args(const char **args, const char *port, char *home, char *class_path)
{
	size_t count = 0;
	const char *const list[] = { "java",
		                     "-Xmx128m",
		                     "-XX:+UseSerialGC",
		                     "-XX:TieredStopAtLevel=1",
		                     "-cp",
		                     class_path,
		                     "Run",
		                     port };

	cached(home, JAVA_SERVER);
	(void)snprintf(class_path, 2 * PATH_SIZE + 16, "%s:%s/lib/*", home, home);
	for (; count < sizeof(list) / sizeof(list[0]); count++) {
		args[count] = list[count];
	}
	return count;
}

static size_t ferret_args(const struct nv_test_mongo *server, const char **args, char *program,
                          char *rest)
{
	size_t count = 0;
	char *listen = rest;
	char *url = rest + 64;
	const char *const list[] = { program,
		                     "--handler=sqlite",
		                     "--telemetry=disable",
		                     "--state-dir=-",
		                     "--debug-addr=-",
		                     listen,
		                     url };

	cached(program, FERRET);
	(void)snprintf(listen, 64, "--listen-addr=127.0.0.1:%u", server->port);
	(void)snprintf(url, PATH_SIZE, "--sqlite-url=file:%s/", server->dir);
	for (; count < sizeof(list) / sizeof(list[0]); count++) {
		args[count] = list[count];
	}
	return count;
}

/* In the child: becomes the server. */
static void become_server(const struct nv_test_mongo *server, const char *const *more, int log_fd)
{
	const char *args[ARGS_MAX] = { NULL };
	char port[16];
	char first[PATH_SIZE];
	char second[2 * PATH_SIZE + 16];
	size_t count;

	(void)snprintf(port, sizeof(port), "%u", server->port);
	count = server->kind == NV_TEST_MONGO_JAVA ? java_args(args, port, first, second)
	        : server->kind == NV_TEST_MONGO_FERRET
	                ? ferret_args(server, args, first, second)
	                : secantus_args(server, args, port, first, second);
	while (more && *more && count < ARGS_MAX - 1) {
		args[count++] = *more++;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves nothing behind */
	if (dup2(log_fd, STDOUT_FILENO) < 0 || dup2(log_fd, STDERR_FILENO) < 0) {
		_exit(126);
	}
	(void)execvp(args[0], (char *const *)(void *)args);
	_exit(127);
}

/* Looks for the port in the log. all: what stands there. */
static bool find_port(struct nv_test_mongo *server, char *all, size_t size)
{
	const char *said = server->kind == NV_TEST_MONGO_FERRET ? "Listening on TCP 127.0.0.1:"
	                                                        : "listening on 127.0.0.1:";
	int fd = open(server->log, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, all, size - 1);

	if (fd >= 0) {
		(void)close(fd);
	}
	all[got > 0 ? got : 0] = '\0';
	const char *at = strstr(all, said);
	if (!at || !strchr(at, '\n')) {
		return false;
	}
	server->port = (unsigned)strtoul(at + strlen(said), NULL, 10);
	(void)snprintf(server->uri, sizeof(server->uri), "mongodb://127.0.0.1:%u", server->port);
	return true;
}

static bool is_running(struct nv_test_mongo *server)
{
	if (server->pid > 0 && waitpid(server->pid, NULL, WNOHANG) == server->pid) {
		server->pid = 0;
	}
	return server->pid > 0;
}

static bool wait_until_ready(struct nv_test_mongo *server, int inotify)
{
	char all[8192] = "";
	char events[4096];
	int64_t deadline_ms = now_ms() + START_MS;

	while (!find_port(server, all, sizeof(all))) {
		struct pollfd poller = { .fd = inotify, .events = POLLIN };

		if (!is_running(server) || now_ms() >= deadline_ms) {
			(void)fprintf(stderr, "# the server did not start:\n%s", all);
			return false;
		}
		if (poll(&poller, 1, 200) > 0) {
			(void)!read(inotify, events, sizeof(events));
		}
	}
	return true;
}

bool nv_test_mongo_start(struct nv_test_mongo *server, const char *const *more)
{
	int log_fd = open(server->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (log_fd < 0 || inotify < 0 || inotify_add_watch(inotify, server->log, IN_MODIFY) < 0) {
		perror(server->log);
		abort();
	}
	(void)fflush(NULL);
	server->pid = fork();
	if (server->pid == 0) {
		become_server(server, more, log_fd);
	}
	(void)close(log_fd);
	if (server->pid < 0) {
		perror("fork");
		server->pid = 0;
	}
	bool ready = wait_until_ready(server, inotify);
	(void)close(inotify);
	if (!ready) {
		nv_test_mongo_kill(server);
	}
	return ready;
}

bool nv_test_mongo_new(struct nv_test_mongo *server, enum nv_test_mongo_kind kind,
                       const char *const *more)
{
	*server = (struct nv_test_mongo){ .kind = kind };
	(void)snprintf(server->dir, sizeof(server->dir), "/tmp/nv-test-mongo.XXXXXX");
	if (!mkdtemp(server->dir)) {
		perror("mkdtemp");
		return false;
	}
	(void)snprintf(server->log, sizeof(server->log), "%s/log", server->dir);
	if (!nv_test_mongo_start(server, more)) {
		nv_test_mongo_release(server);
		return false;
	}
	return true;
}

/* Waits for the end; false when it has not come in time. */
static bool wait_for_end(struct nv_test_mongo *server, int64_t limit_ms)
{
	int64_t deadline_ms = now_ms() + limit_ms;

	while (is_running(server)) {
		/* There is no wait with a limit for one child; an empty poll is a short one. */
		if (limit_ms > 0 && now_ms() >= deadline_ms) {
			return false;
		}
		(void)poll(NULL, 0, 5);
	}
	return true;
}

void nv_test_mongo_stop(struct nv_test_mongo *server)
{
	if (server->pid > 0) {
		(void)kill(server->pid, SIGTERM);
		(void)kill(server->pid, SIGCONT);
		if (!wait_for_end(server, STOP_MS)) {
			nv_test_mongo_kill(server);
		}
	}
}

void nv_test_mongo_kill(struct nv_test_mongo *server)
{
	if (server->pid > 0) {
		(void)kill(server->pid, SIGKILL);
		(void)wait_for_end(server, 0);
	}
}

void nv_test_mongo_pause(struct nv_test_mongo *server)
{
	(void)kill(server->pid, SIGSTOP);
	while (waitpid(server->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
	}
}

void nv_test_mongo_resume(struct nv_test_mongo *server)
{
	(void)kill(server->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

void nv_test_mongo_release(struct nv_test_mongo *server)
{
	nv_test_mongo_kill(server);
	if (server->dir[0]) {
		(void)nftw(server->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		server->dir[0] = '\0';
	}
}
