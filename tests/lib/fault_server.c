/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread, one poll loop, a handful of connections.
 */
#include "config.h"

#include "lib/fault_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINKS_MAX = 64, TRICKLE_MS = 20 };

/* One client and, for a proxy, its connection to the server. */
struct link {
	int client;
	int upstream; /* -1: scripted */
	size_t step;  /* of the script */
	size_t requests, replies;
	bool stalled;
};

struct nv_fault_server {
	pthread_t thread;
	int listener;
	int wake[2]; /* a byte in it ends or wakes the thread */
	int port;
	const char *upstream;
	const char *const *texts;
	pthread_mutex_t mutex;
	struct nv_fault_rule rule;    /* mutex */
	bool deaf, ended;             /* mutex */
	size_t requests, replies;     /* mutex */
	unsigned connections;         /* mutex */
	struct link links[LINKS_MAX]; /* mutex */
	size_t links_count;           /* mutex */
};

static void link_close(struct nv_fault_server *server, size_t i)
{
	(void)close(server->links[i].client);
	if (server->links[i].upstream >= 0) {
		(void)close(server->links[i].upstream);
	}
	server->links[i] = server->links[--server->links_count];
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent < 0) {
			return false;
		}
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}

static bool trickle(int fd, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!send_all(fd, data + i, 1)) {
			return false;
		}
		(void)poll(NULL, 0, TRICKLE_MS);
	}
	return true;
}

/* Passes up to the rule's bytes. False when the connection is to be closed. */
static bool pass_cut(struct nv_fault_server *server, int to, const char *data, size_t size,
                     size_t *passed)
{
	bool cut = *passed + size >= server->rule.after;
	size_t part = cut ? server->rule.after - *passed : size;

	*passed += part;
	if (!send_all(to, data, part)) {
		return false;
	}
	if (cut && --server->rule.times <= 0) {
		server->rule.kind = NV_FAULT_NONE;
	}
	return !cut;
}

static bool pass_request(struct nv_fault_server *server, struct link *link, const char *data,
                         size_t size)
{
	bool open;

	if (server->rule.kind == NV_FAULT_CUT_REQUEST) {
		size_t before = link->requests;

		open = pass_cut(server, link->upstream, data, size, &link->requests);
		server->requests += link->requests - before;
		return open;
	}
	link->requests += size;
	server->requests += size;
	return send_all(link->upstream, data, size);
}

static bool pass_reply(struct nv_fault_server *server, struct link *link, const char *data,
                       size_t size)
{
	size_t before = link->replies;
	bool open = true;

	switch (server->rule.kind) {
	case NV_FAULT_CUT_REPLY:
		open = pass_cut(server, link->client, data, size, &link->replies);
		server->replies += link->replies - before;
		return open;
	case NV_FAULT_STALL_REPLY:
		if (link->stalled) {
			return true;
		}
		link->stalled = before + size >= server->rule.after;
		link->replies += link->stalled ? server->rule.after - before : size;
		return send_all(link->client, data, link->replies - before);
	case NV_FAULT_TRICKLE:
		return trickle(link->client, data, size);
	case NV_FAULT_REPLACE:
		return send_all(link->client, server->rule.text, strlen(server->rule.text));
	default:
		link->replies += size;
		server->replies += size;
		return send_all(link->client, data, size);
	}
}

static bool answer_by_script(struct nv_fault_server *server, struct link *link)
{
	const char *text = server->texts[link->step];

	if (!text) {
		return true;
	}
	link->step++;
	return send_all(link->client, text, strlen(text));
}

/* Moves one piece. False when the connection is over. */
static bool move(struct nv_fault_server *server, struct link *link, bool from_client)
{
	char data[4096];
	ssize_t size = recv(from_client ? link->client : link->upstream, data, sizeof(data), 0);

	if (size <= 0) {
		return false;
	}
	if (!from_client) {
		return pass_reply(server, link, data, (size_t)size);
	}
	return link->upstream < 0 ? answer_by_script(server, link)
	                          : pass_request(server, link, data, (size_t)size);
}

static int connect_upstream(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void accept_one(struct nv_fault_server *server)
{
	int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0) {
		return;
	}
	/* What is said is to be there at once. */
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	server->connections++;
	if (server->texts && server->texts[0] && server->texts[0][0] == '!') {
		(void)send_all(client, server->texts[0] + 1, strlen(server->texts[0]) - 1);
		(void)shutdown(client, SHUT_WR);
		(void)close(client);
		return;
	}

	int upstream = server->upstream ? connect_upstream(server->upstream) : -1;

	if (server->links_count == LINKS_MAX || (server->upstream && upstream < 0)) {
		(void)close(client);
		return;
	}
	server->links[server->links_count++] =
		(struct link){ .client = client, .upstream = upstream };
}

/* Fills the poll list: wake, listener, then two entries for each link. */
static nfds_t fill(struct nv_fault_server *server, struct pollfd *fds)
{
	nfds_t count = 0;

	fds[count++] = (struct pollfd){ .fd = server->wake[0], .events = POLLIN };
	fds[count++] = (struct pollfd){ .fd = server->listener, .events = POLLIN };
	for (size_t i = 0; i < server->links_count; i++) {
		fds[count++] = (struct pollfd){ .fd = server->deaf ? -1 : server->links[i].client,
			                        .events = POLLIN };
		fds[count++] = (struct pollfd){ .fd = server->links[i].upstream, .events = POLLIN };
	}
	return count;
}

static void *run(void *argument)
{
	struct nv_fault_server *server = argument;
	struct pollfd fds[2 + 2 * LINKS_MAX];

	(void)pthread_mutex_lock(&server->mutex);
	while (!server->ended) {
		nfds_t count = fill(server, fds);

		(void)pthread_mutex_unlock(&server->mutex);
		(void)poll(fds, count, -1);
		(void)pthread_mutex_lock(&server->mutex);
		if (fds[0].revents) {
			char byte;

			(void)!read(server->wake[0], &byte, 1);
		}
		/* From the last to the first: closing one moves the last into its place. */
		for (size_t i = (count - 2) / 2; i-- > 0;) {
			bool open = true;

			if (fds[2 + 2 * i].revents) {
				open = move(server, &server->links[i], true);
			}
			if (open && fds[3 + 2 * i].revents) {
				open = move(server, &server->links[i], false);
			}
			if (!open) {
				link_close(server, i);
			}
		}
		if (fds[1].revents) {
			accept_one(server);
		}
	}
	while (server->links_count > 0) {
		link_close(server, 0);
	}
	(void)pthread_mutex_unlock(&server->mutex);
	return NULL;
}

static bool listen_somewhere(struct nv_fault_server *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(server->listener, 64) < 0 ||
	    getsockname(server->listener, (struct sockaddr *)&address, &size) < 0) {
		perror("listen");
		return false;
	}
	server->port = ntohs(address.sin_port);
	return true;
}

static struct nv_fault_server *start(const char *upstream, const char *const *texts)
{
	struct nv_fault_server *server = calloc(1, sizeof(*server));

	if (!server || !listen_somewhere(server) || pipe(server->wake) < 0) {
		exit(99);
	}
	server->upstream = upstream;
	server->texts = texts;
	(void)pthread_mutex_init(&server->mutex, NULL);
	if (pthread_create(&server->thread, NULL, run, server) != 0) {
		exit(99);
	}
	return server;
}

struct nv_fault_server *nv_fault_server_new(const char *upstream)
{
	return start(upstream, NULL);
}

struct nv_fault_server *nv_fault_server_new_scripted(const char *const *texts)
{
	return start(NULL, texts);
}

static void wake(struct nv_fault_server *server)
{
	(void)!write(server->wake[1], "", 1);
}

void nv_fault_server_free(struct nv_fault_server *server)
{
	if (!server) {
		return;
	}
	(void)pthread_mutex_lock(&server->mutex);
	server->ended = true;
	(void)pthread_mutex_unlock(&server->mutex);
	wake(server);
	(void)pthread_join(server->thread, NULL);
	(void)close(server->listener);
	(void)close(server->wake[0]);
	(void)close(server->wake[1]);
	(void)pthread_mutex_destroy(&server->mutex);
	free(server);
}

int nv_fault_server_port(const struct nv_fault_server *server)
{
	return server->port;
}

void nv_fault_server_set(struct nv_fault_server *server, struct nv_fault_rule rule)
{
	(void)pthread_mutex_lock(&server->mutex);
	server->rule = rule;
	server->requests = server->replies = 0;
	for (size_t i = 0; i < server->links_count; i++) {
		server->links[i].requests = server->links[i].replies = 0;
		server->links[i].stalled = false;
	}
	(void)pthread_mutex_unlock(&server->mutex);
}

void nv_fault_server_say(struct nv_fault_server *server, const char *text)
{
	(void)pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->links_count; i++) {
		(void)send_all(server->links[i].client, text, strlen(text));
	}
	(void)pthread_mutex_unlock(&server->mutex);
}

void nv_fault_server_go_deaf(struct nv_fault_server *server)
{
	(void)pthread_mutex_lock(&server->mutex);
	server->deaf = true;
	(void)pthread_mutex_unlock(&server->mutex);
	wake(server);
}

void nv_fault_server_counts(struct nv_fault_server *server, size_t *ret_requests,
                            size_t *ret_replies)
{
	(void)pthread_mutex_lock(&server->mutex);
	*ret_requests = server->requests;
	*ret_replies = server->replies;
	(void)pthread_mutex_unlock(&server->mutex);
}

unsigned nv_fault_server_connections(struct nv_fault_server *server)
{
	(void)pthread_mutex_lock(&server->mutex);

	unsigned connections = server->connections;

	(void)pthread_mutex_unlock(&server->mutex);
	return connections;
}
