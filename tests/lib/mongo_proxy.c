/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread accepts, one thread a connection passes on. Messages of the client are read whole,
 * because the name of the command decides; bytes of the server are passed on as they come.
 */
#include "config.h"

#include "lib/mongo_proxy.h"

#include <arpa/inet.h>
#include <bson/bson.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 16, MESSAGE_MAX = 64 << 20, OP_MSG = 2013, OP_QUERY = 2004 };

struct nv_test_proxy {
	int listener;
	unsigned port;
	unsigned server_port;
	pthread_t acceptor;
	pthread_mutex_t mutex;
	pthread_cond_t idle;
	unsigned connections; /* mutex, as all below */
	unsigned commands;
	unsigned step;
	enum nv_test_cut cut;
	pid_t victim;
	bool has_cut;
	bool stop;
	char refuse[32]; /* a command; "" for none */
	int code;
	unsigned refused;
	bool round;
};

/* A connection under way. */
struct link {
	struct nv_test_proxy *proxy;
	int client;
	int server;
};

static int dial(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent <= 0) {
			return false;
		}
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}

static uint32_t number(const char *data)
{
	const uint8_t *bytes = (const uint8_t *)data;

	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* Reads one message; NULL at the end. */
static char *read_message(int fd, size_t *ret_size)
{
	char header[HEADER];

	if (recv(fd, header, HEADER, MSG_WAITALL) != HEADER) {
		return NULL;
	}
	uint32_t size = number(header);
	char *message = size >= HEADER && size <= MESSAGE_MAX ? malloc(size) : NULL;
	if (!message) {
		return NULL;
	}
	memcpy(message, header, HEADER);
	if (size > HEADER &&
	    recv(fd, message + HEADER, size - HEADER, MSG_WAITALL) != (ssize_t)(size - HEADER)) {
		free(message);
		return NULL;
	}
	*ret_size = size;
	return message;
}

/* The name of a command: the first key of its document. An OP_MSG may have its sections in any
 * order; the driver puts the document first. */
static const char *command_name(const char *message, size_t size)
{
	uint32_t opcode = number(message + 12);
	size_t document = HEADER;

	if (opcode == OP_MSG) {
		document += 4 + 1;
	} else if (opcode == OP_QUERY) {
		document += 4;
		document += strnlen(message + document, size - document) + 1 + 8;
	} else {
		return "";
	}
	return document + 5 < size ? message + document + 5 : "";
}

static bool is_monitoring(const char *name)
{
	return strcasecmp(name, "ismaster") == 0 || strcmp(name, "hello") == 0 ||
	       strcmp(name, "endSessions") == 0;
}

/* What to do with a command: nothing, or the cut, which then is no more. */
static bool take_cut(struct nv_test_proxy *proxy, const char *name, enum nv_test_cut *ret_cut,
                     pid_t *ret_victim)
{
	bool cut = false;

	if (is_monitoring(name)) {
		return false;
	}
	pthread_mutex_lock(&proxy->mutex);
	proxy->commands++;
	if (proxy->step > 0 && proxy->commands == proxy->step) {
		cut = true;
		proxy->has_cut = true;
		*ret_cut = proxy->cut;
		*ret_victim = proxy->victim;
	}
	pthread_mutex_unlock(&proxy->mutex);
	return cut;
}

/* The answer to a command that is refused. */
static bool send_refusal(int fd, const char *request, int code)
{
	bson_t *doc = BCON_NEW("ok", BCON_DOUBLE(0), "errmsg", BCON_UTF8("not here"), "code",
	                       BCON_INT32(code), "codeName", BCON_UTF8("NotHere"));
	uint32_t header[] = { (uint32_t)(HEADER + 5 + doc->len), 1, number(request + 4), OP_MSG,
		              0 };
	char message[512];
	memcpy(message, header, sizeof(header)); /* little-endian, as all that this runs on */
	message[sizeof(header)] = 0;
	memcpy(message + sizeof(header) + 1, bson_get_data(doc), doc->len);
	bool sent = send_all(fd, message, HEADER + 5 + doc->len);
	bson_destroy(doc);
	return sent;
}

/* True when the command is to be refused, and with which code. */
static bool take_refusal(struct nv_test_proxy *proxy, const char *name, int *ret_code)
{
	pthread_mutex_lock(&proxy->mutex);
	bool refused = proxy->refuse[0] && strcmp(proxy->refuse, name) == 0;
	proxy->refused += refused;
	*ret_code = proxy->code;
	pthread_mutex_unlock(&proxy->mutex);
	return refused;
}

/* Takes the sign off each zero: a field of type double whose value is -0.0. */
static void round_zeros(struct nv_test_proxy *proxy, char *message, size_t size)
{
	static const char zero[8] = { 0, 0, 0, 0, 0, 0, 0, (char)0x80 };
	pthread_mutex_lock(&proxy->mutex);
	bool round = proxy->round;
	pthread_mutex_unlock(&proxy->mutex);
	for (size_t i = HEADER + 7; round && i + sizeof(zero) <= size; i++) {
		size_t type = i - 2; /* before the key and its NUL */
		while (type > HEADER && message[type] > ' ') {
			type--;
		}
		if (message[i - 1] == '\0' && message[type] == BSON_TYPE_DOUBLE &&
		    memcmp(message + i, zero, sizeof(zero)) == 0) {
			message[i + 7] = 0;
		}
	}
}

/* One message of the client. False: the connection ends. */
static bool pass_message(struct link *link)
{
	enum nv_test_cut cut = NV_TEST_CUT_BEFORE;
	pid_t victim = 0;
	size_t size = 0;
	char byte;
	int code = 0;
	char *message = read_message(link->client, &size);

	if (!message) {
		return false;
	}
	if (take_refusal(link->proxy, command_name(message, size), &code)) {
		bool sent = send_refusal(link->client, message, code);
		free(message);
		return sent;
	}
	round_zeros(link->proxy, message, size);
	bool cuts = take_cut(link->proxy, command_name(message, size), &cut, &victim);
	bool passed = (cuts && cut == NV_TEST_CUT_BEFORE) || send_all(link->server, message, size);
	free(message);
	if (!cuts) {
		return passed;
	}
	if (cut == NV_TEST_CUT_AFTER) {
		(void)recv(link->server, &byte, 1, 0); /* once it answers, it has done it */
	}
	if (victim > 0) {
		(void)kill(victim, SIGKILL);
	}
	return false;
}

static bool pass_bytes(struct link *link)
{
	char bytes[65536];
	ssize_t got = recv(link->server, bytes, sizeof(bytes), 0);

	return got > 0 && send_all(link->client, bytes, (size_t)got);
}

static void *pass(void *arg)
{
	struct link *link = arg;
	struct nv_test_proxy *proxy = link->proxy;
	bool going = link->server >= 0;

	while (going) {
		struct pollfd fds[] = { { .fd = link->client, .events = POLLIN },
			                { .fd = link->server, .events = POLLIN } };
		int ready = poll(fds, 2, 200);

		pthread_mutex_lock(&proxy->mutex);
		going = !proxy->stop;
		pthread_mutex_unlock(&proxy->mutex);
		if (going && ready > 0 && fds[1].revents) {
			going = pass_bytes(link);
		}
		if (going && ready > 0 && fds[0].revents) {
			going = pass_message(link);
		}
	}
	(void)close(link->client);
	if (link->server >= 0) {
		(void)close(link->server);
	}
	free(link);
	pthread_mutex_lock(&proxy->mutex);
	proxy->connections--;
	pthread_cond_broadcast(&proxy->idle);
	pthread_mutex_unlock(&proxy->mutex);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct nv_test_proxy *proxy = arg;
	int client;

	while ((client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct link *link = calloc(1, sizeof(*link));
		pthread_t thread;

		if (!link) {
			abort();
		}
		*link = (struct link){ proxy, client, dial(proxy->server_port) };
		pthread_mutex_lock(&proxy->mutex);
		proxy->connections++;
		pthread_mutex_unlock(&proxy->mutex);
		if (pthread_create(&thread, NULL, pass, link) != 0) {
			abort();
		}
		(void)pthread_detach(thread);
	}
	return NULL;
}

struct nv_test_proxy *nv_test_proxy_new(unsigned server_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	struct nv_test_proxy *proxy = calloc(1, sizeof(*proxy));

	if (!proxy) {
		return NULL;
	}
	proxy->server_port = server_port;
	pthread_mutex_init(&proxy->mutex, NULL);
	pthread_cond_init(&proxy->idle, NULL);
	proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (proxy->listener < 0 ||
	    bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(proxy->listener, 64) < 0 ||
	    getsockname(proxy->listener, (struct sockaddr *)&address, &size) < 0 ||
	    pthread_create(&proxy->acceptor, NULL, accept_all, proxy) != 0) {
		perror("proxy");
		free(proxy);
		return NULL;
	}
	proxy->port = ntohs(address.sin_port);
	return proxy;
}

void nv_test_proxy_free(struct nv_test_proxy *proxy)
{
	if (!proxy) {
		return;
	}
	(void)shutdown(proxy->listener, SHUT_RDWR);
	(void)pthread_join(proxy->acceptor, NULL);
	(void)close(proxy->listener);
	pthread_mutex_lock(&proxy->mutex);
	proxy->stop = true;
	while (proxy->connections > 0) {
		pthread_cond_wait(&proxy->idle, &proxy->mutex);
	}
	pthread_mutex_unlock(&proxy->mutex);
	pthread_cond_destroy(&proxy->idle);
	pthread_mutex_destroy(&proxy->mutex);
	free(proxy);
}

unsigned nv_test_proxy_port(const struct nv_test_proxy *proxy)
{
	return proxy->port;
}

void nv_test_proxy_arm(struct nv_test_proxy *proxy, unsigned step, enum nv_test_cut cut,
                       pid_t victim)
{
	pthread_mutex_lock(&proxy->mutex);
	proxy->commands = 0;
	proxy->step = step;
	proxy->cut = cut;
	proxy->victim = victim;
	proxy->has_cut = false;
	pthread_mutex_unlock(&proxy->mutex);
}

unsigned nv_test_proxy_commands(struct nv_test_proxy *proxy)
{
	pthread_mutex_lock(&proxy->mutex);
	unsigned commands = proxy->commands;
	pthread_mutex_unlock(&proxy->mutex);
	return commands;
}

bool nv_test_proxy_has_cut(struct nv_test_proxy *proxy)
{
	pthread_mutex_lock(&proxy->mutex);
	bool has_cut = proxy->has_cut;
	pthread_mutex_unlock(&proxy->mutex);
	return has_cut;
}

void nv_test_proxy_refuse(struct nv_test_proxy *proxy, const char *name, int code)
{
	pthread_mutex_lock(&proxy->mutex);
	(void)snprintf(proxy->refuse, sizeof(proxy->refuse), "%s", name ? name : "");
	proxy->code = code;
	proxy->refused = 0;
	pthread_mutex_unlock(&proxy->mutex);
}

unsigned nv_test_proxy_refused(struct nv_test_proxy *proxy)
{
	pthread_mutex_lock(&proxy->mutex);
	unsigned refused = proxy->refused;
	pthread_mutex_unlock(&proxy->mutex);
	return refused;
}

void nv_test_proxy_round(struct nv_test_proxy *proxy, bool on)
{
	pthread_mutex_lock(&proxy->mutex);
	proxy->round = on;
	pthread_mutex_unlock(&proxy->mutex);
}
