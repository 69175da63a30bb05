/* floor is as little as a push server can be, to compare others with: one thread, epoll, and one send() for each
 * connection and message. It knows what is asked of the others as well: WebSocket upgrades, five labels for each connection,
 * an index of them, and publishes by HTTP.
 *
 *   floor PORT             every publish leaves at once
 *   floor PORT coalesce    publishes that are received together leave in one send() for each connection
 *
 *   GET  /?key=value&…     with an upgrade: opens a page with these labels
 *   POST /pub?key=value    the body goes to the pages with this label; answered {"matched":N} when it has been sent
 *
 * A page that does not read has its bytes kept, 1 MiB at most; then it is closed. No pings, no checks of what pages say. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "labels.h"
#include "websocket.h"

enum { MAX_OUT = 1 << 20, MAX_IN = 128 << 10, BATCH = 512, MAX_TICK = 32 };

struct conn {
	uint8_t state; /* 0: free */
	uint8_t labels;
	struct place places[LABELS_PER_CONN];
	uint32_t touched; /* which publishes of this tick are for it, a bit each */
	uint32_t in_len, out_len;
	char *in;  /* of a request that is not complete; NULL: none */
	char *out; /* not yet taken by the kernel; NULL: none */
};
enum { FREE, HTTP, PAGE };

/* publish is one that waits for the end of the tick. */
struct publish {
	char *frame;
	size_t len;
	int caller;
	unsigned matched;
};

static int epfd, listener, coalesce;
static struct conn *conns;
static rlim_t max_conns;
static struct publish tick[MAX_TICK];
static unsigned tick_len;
static int *touched; /* connections with publishes in this tick */
static unsigned touched_len;
static char buffer[256 << 10];

static void die(const char *what) {
	perror(what);
	exit(1);
}

static void watch(int op, int fd, uint32_t events) {
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(epfd, op, fd, &e) && op != EPOLL_CTL_MOD) die("epoll_ctl");
}

static void hang_up(int fd) {
	struct conn *c = &conns[fd];
	for (int i = 0; i < c->labels; i++) {
		struct member moved = leave(c->places[i]);
		if (moved.fd >= 0) conns[moved.fd].places[moved.nth].at = c->places[i].at;
	}
	for (unsigned i = 0; i < tick_len; i++)
		if (tick[i].caller == fd) tick[i].caller = -1;
	free(c->in);
	free(c->out);
	memset(c, 0, sizeof *c);
	close(fd);
}

/* push_out sends, and keeps what the kernel does not take. */
static void push_out(int fd, const char *data, size_t len) {
	struct conn *c = &conns[fd];
	ssize_t n = 0;
	if (!c->out) {
		n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == (ssize_t)len) return;
		if (n < 0 && errno != EAGAIN) return hang_up(fd);
		if (n < 0) n = 0;
		watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
	}
	size_t rest = len - (size_t)n;
	if (!c->out) c->out = malloc(MAX_OUT); /* which takes memory as it fills */
	if (!c->out || c->out_len + rest > MAX_OUT) return hang_up(fd);
	memcpy(c->out + c->out_len, data + n, rest);
	c->out_len += (uint32_t)rest;
}

/* flush sends what was kept. */
static void flush(int fd) {
	struct conn *c = &conns[fd];
	ssize_t n = send(fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN) return;
	if (n < 0) return hang_up(fd);
	c->out_len -= (uint32_t)n;
	memmove(c->out, c->out + n, c->out_len);
	if (c->out_len) return;
	free(c->out);
	c->out = NULL;
	watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void answer(int fd, unsigned matched) {
	char body[32], text[128];
	int len = snprintf(body, sizeof body, "{\"matched\":%u}", matched);
	len = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len, body);
	push_out(fd, text, (size_t)len);
}

/* end_tick sends to each touched connection what is for it, in one piece for each combination of publishes. */
static void end_tick(void) {
	static struct {
		uint32_t mask;
		size_t len;
		char *data;
	} pieces[64]; /* those of this tick, newest last */
	unsigned used = 0;
	for (unsigned i = 0; i < touched_len; i++) {
		struct conn *c = &conns[touched[i]];
		uint32_t mask = c->touched;
		if (!mask) continue; /* closed since */
		c->touched = 0;
		unsigned p = 0;
		while (p < used && pieces[p].mask != mask) p++;
		if (p == used) {
			if (used == 64) {
				free(pieces[p = 63].data);
			} else {
				used++;
			}
			pieces[p].mask = mask;
			pieces[p].len = 0;
			for (unsigned b = 0; b < tick_len; b++)
				if (mask >> b & 1) pieces[p].len += tick[b].len;
			char *to = pieces[p].data = malloc(pieces[p].len);
			if (!to) die("malloc");
			for (unsigned b = 0; b < tick_len; b++)
				if (mask >> b & 1) memcpy(to, tick[b].frame, tick[b].len), to += tick[b].len;
		}
		push_out(touched[i], pieces[p].data, pieces[p].len);
	}
	while (used) free(pieces[--used].data);
	for (unsigned i = 0; i < tick_len; i++) {
		free(tick[i].frame);
		if (tick[i].caller >= 0) answer(tick[i].caller, tick[i].matched);
	}
	tick_len = touched_len = 0;
}

static void publish(int caller, uint64_t hash, const char *body, size_t len) {
	struct label *l = find(hash);
	unsigned matched = l->hash ? l->count : 0;
	char *frame = malloc(len + 10);
	if (!frame) die("malloc");
	size_t head = text_head((uint8_t *)frame, len);
	memcpy(frame + head, body, len);
	if (!coalesce) {
		/* From the end: who is closed meanwhile has its place taken by one that was served. */
		for (unsigned i = matched; i-- > 0;) push_out(members(l)[i].fd, frame, head + len);
		free(frame);
		answer(caller, matched);
		return;
	}
	for (unsigned i = 0; i < matched; i++) {
		int fd = members(l)[i].fd;
		if (!conns[fd].touched) touched[touched_len++] = fd;
		conns[fd].touched |= 1u << tick_len;
	}
	tick[tick_len++] = (struct publish){frame, head + len, caller, matched};
	if (tick_len == MAX_TICK) end_tick();
}

/* open_page reads the labels of "key=value&key=value HTTP/1.1" and answers the handshake. */
static int open_page(int fd, const char *query, const char *key) {
	struct conn *c = &conns[fd];
	for (size_t n; (n = strcspn(query, "& ")) > 0; query += n + 1) {
		if (c->labels == LABELS_PER_CONN || join(hash_of(query, n), fd, c->labels, &c->places[c->labels])) return -1;
		c->labels++;
		if (query[n] == ' ') break;
	}
	char text[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
				  "----------------------------\r\n\r\n";
	accept_of(key, text + sizeof text - 33);
	c->state = PAGE;
	push_out(fd, text, sizeof text - 1);
	return 0;
}

/* request handles the request that text begins with; text ends with a zero. It returns its length; 0: it is not complete,
 * -1: it is none that this server knows. */
static ssize_t request(int fd, const char *text, size_t len) {
	const char *end = strstr(text, "\r\n\r\n");
	if (!end) return 0;
	const char *query = strchr(text, '?');
	if (!query || query > end) return -1;
	query++;
	size_t size = (size_t)(end - text) + 4;
	if (!strncmp(text, "GET ", 4)) {
		const char *key = strcasestr(text, "\r\nsec-websocket-key: ");
		if (!key || key + 45 > end || open_page(fd, query, key + 21)) return -1;
		return (ssize_t)size;
	}
	const char *field = strcasestr(text, "\r\ncontent-length: ");
	if (strncmp(text, "POST /pub", 9) || !field || field > end) return -1;
	size_t body = strtoul(field + 18, NULL, 10);
	if (body > MAX_IN) return -1;
	if (len < size + body) return 0;
	publish(fd, hash_of(query, strcspn(query, " ")), text + size, body);
	return (ssize_t)(size + body);
}

/* receive reads requests. What pages say is read and thrown away, but for their end. */
static void receive(int fd) {
	struct conn *c = &conns[fd];
	memcpy(buffer, c->in ? c->in : "", c->in_len);
	ssize_t n = recv(fd, buffer + c->in_len, sizeof buffer - 1 - c->in_len, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN) return;
	if (n <= 0 || (c->state == PAGE && (buffer[0] & 0x0f) == 8)) return hang_up(fd);
	char *at = buffer;
	size_t len = c->in_len + (size_t)n;
	buffer[len] = 0;
	free(c->in);
	c->in = NULL, c->in_len = 0;
	while (len > 0 && c->state == HTTP) {
		ssize_t used = request(fd, at, len);
		if (c->state == FREE) return; /* its answer could not be sent */
		if (used < 0 || (used == 0 && len == sizeof buffer - 1)) return hang_up(fd);
		if (used == 0) break;
		at += used;
		len -= (size_t)used;
	}
	if (len == 0 || c->state != HTTP) return;
	c->in = malloc(len);
	if (!c->in) return hang_up(fd);
	memcpy(c->in, at, len);
	c->in_len = (uint32_t)len;
}

static void accept_all(void) {
	for (int i = 0; i < 64; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) return;
		conns[fd].state = HTTP;
		watch(EPOLL_CTL_ADD, fd, EPOLLIN);
	}
}

int main(int argc, char **argv) {
	if (argc < 2) return fprintf(stderr, "floor PORT [coalesce]\n"), 2;
	coalesce = argc > 2 && !strcmp(argv[2], "coalesce");

	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit)) die("getrlimit");
	limit.rlim_cur = max_conns = limit.rlim_max < 1 << 20 ? limit.rlim_max : 1 << 20;
	if (setrlimit(RLIMIT_NOFILE, &limit)) die("setrlimit");
	size_t size = max_conns * (sizeof *conns + sizeof *touched); /* the kernel's zeros until they are used */
	conns = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (conns == MAP_FAILED) die("mmap");
	touched = (int *)(conns + max_conns);

	int on = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* connections inherit it */
	if (bind(listener, (struct sockaddr *)&at, sizeof at)) die("bind");
	if (listen(listener, 4096)) die("listen");
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (epfd < 0) die("epoll_create1");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN);

	static struct epoll_event events[BATCH];
	for (;;) {
		int n = epoll_wait(epfd, events, BATCH, -1);
		if (n < 0 && errno != EINTR) die("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				accept_all();
				continue;
			}
			if (conns[fd].out && events[i].events & EPOLLOUT) flush(fd);
			if (conns[fd].state && events[i].events & ~(uint32_t)EPOLLOUT) receive(fd);
		}
		if (tick_len) end_tick();
	}
}
