/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting waits for the server's own words, so nothing sleeps: it logs to a pipe, and says there
 * when it is ready.
 */
#include "config.h"

#include "lib/redis_server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 40 };

bool nv_test_redis_is_installed(void)
{
	const char *path = getenv("PATH");

	for (const char *dir = path ? path : ""; *dir;) {
		size_t size = strcspn(dir, ":");
		char file[512];

		(void)snprintf(file, sizeof(file), "%.*s/redis-server", (int)size, dir);
		if (access(file, X_OK) == 0) {
			return true;
		}
		dir += size + (dir[size] == ':');
	}
	return false;
}

bool nv_test_redis_new_down(struct nv_test_redis *server)
{
	*server = (struct nv_test_redis){ .pid = 0 };
	(void)snprintf(server->dir, sizeof(server->dir), "/tmp/nv-test-redis.XXXXXX");
	if (!mkdtemp(server->dir)) {
		perror("mkdtemp");
		return false;
	}
	(void)snprintf(server->socket, sizeof(server->socket), "%s/s", server->dir);
	(void)snprintf(server->uri, sizeof(server->uri), "unix://%s", server->socket);
	return true;
}

bool nv_test_redis_new(struct nv_test_redis *server, const char *const *more)
{
	return nv_test_redis_new_down(server) && nv_test_redis_start(server, more);
}

/* In the child: becomes the server. */
static void become_server(const struct nv_test_redis *server, const char *const *more, int log_fd)
{
	const char *args[ARGS_MAX] = {
		"redis-server", "--port",       "0",
		"--unixsocket", server->socket, "--dir",
		server->dir,    "--save",       "",
		"--appendonly", "no",           "--daemonize",
		"no",           "--loglevel",   "notice",
	};
	size_t count = 0;

	while (args[count]) {
		count++;
	}
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

/* Reads the log until the server is ready. False when it ends before: its log is then on stderr. */
static bool wait_until_ready(int fd)
{
	FILE *log = fdopen(fd, "r");
	char line[512], all[8192] = "";
	bool ready = false;

	if (!log) {
		(void)close(fd);
		return false;
	}
	while (!ready && fgets(line, sizeof(line), log)) {
		ready = strstr(line, "ready to accept connections") != NULL;
		if (strlen(all) + strlen(line) < sizeof(all)) {
			strcat(all, line);
		}
	}
	(void)fclose(log); /* the server ignores SIGPIPE, and what it logs from now on is of no
	                      interest */
	if (!ready) {
		(void)fprintf(stderr, "# redis-server did not start:\n%s", all);
	}
	return ready;
}

bool nv_test_redis_start(struct nv_test_redis *server, const char *const *more)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		perror("pipe2");
		return false;
	}
	(void)fflush(NULL);
	server->pid = fork();
	if (server->pid == 0) {
		become_server(server, more, fds[1]);
	}
	(void)close(fds[1]);
	if (server->pid < 0) {
		perror("fork");
		server->pid = 0;
		(void)close(fds[0]);
		return false;
	}
	if (!wait_until_ready(fds[0])) {
		nv_test_redis_kill(server);
		return false;
	}
	return true;
}

static void end(struct nv_test_redis *server, int signal_number)
{
	if (server->pid > 0) {
		(void)kill(server->pid, signal_number);
		(void)kill(server->pid, SIGCONT);
		while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
		}
		server->pid = 0;
	}
}

void nv_test_redis_stop(struct nv_test_redis *server)
{
	end(server, SIGTERM);
}

void nv_test_redis_kill(struct nv_test_redis *server)
{
	end(server, SIGKILL);
}

void nv_test_redis_pause(struct nv_test_redis *server)
{
	(void)kill(server->pid, SIGSTOP);
	while (waitpid(server->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
	}
}

void nv_test_redis_resume(struct nv_test_redis *server)
{
	(void)kill(server->pid, SIGCONT);
}

/* Removes what a server leaves: plain files, and folders of plain files (appendonlydir). */
static void remove_dir(const char *path)
{
	DIR *dir = opendir(path);

	if (dir) {
		for (struct dirent *entry; (entry = readdir(dir));) {
			char name[512];

			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
				continue;
			}
			(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			if (unlink(name) < 0) {
				remove_dir(name);
			}
		}
		(void)closedir(dir);
	}
	(void)rmdir(path);
}

void nv_test_redis_release(struct nv_test_redis *server)
{
	nv_test_redis_kill(server);
	if (server->dir[0]) {
		remove_dir(server->dir);
		server->dir[0] = '\0';
	}
}
