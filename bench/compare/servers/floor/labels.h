/* The index: which connections have a label. A label is the hash of "key=value"; two labels of one hash would be one, which
 * 64 bits make unlikely enough for a floor, and messages that stray are found by the client. */
#ifndef LABELS_H
#define LABELS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_PER_CONN 5

/* member is a connection's place in a label. */
struct member {
	int fd;
	uint32_t nth; /* which of the connection's labels this is */
};

struct label {
	uint64_t hash; /* 0: the place is free */
	uint32_t count, capacity;
	union {
		struct member one; /* while capacity is 0 */
		struct member *many;
	};
};

/* place is where a connection stands in the index: a label's slot, and a place among its members. */
struct place {
	uint32_t label, at;
};

/* Labels stay when they are empty, so slots never move but when the table grows, which tells nobody: the table is made large
 * at once instead. Its pages are the kernel's zeros until they are used. */
#define TABLE_BITS 16
static struct label table[1u << TABLE_BITS];
static uint32_t labels_used;

static uint64_t hash_of(const char *text, size_t len) { /* FNV-1a, mixed */
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
	h ^= h >> 32;
	return h ? h : 1;
}

/* find is the label's slot, or where it would be. */
static struct label *find(uint64_t hash) {
	uint32_t i = (uint32_t)hash & ((1u << TABLE_BITS) - 1);
	while (table[i].hash && table[i].hash != hash) i = (i + 1) & ((1u << TABLE_BITS) - 1);
	return &table[i];
}

static struct member *members(struct label *l) { return l->capacity ? l->many : &l->one; }

/* join gives a connection a label. It returns its place, and -1 where there is no room. */
static int join(uint64_t hash, int fd, uint32_t nth, struct place *out) {
	struct label *l = find(hash);
	if (!l->hash) {
		if (labels_used > (1u << TABLE_BITS) / 4 * 3) return -1;
		labels_used++;
		l->hash = hash;
	}
	if (l->count == (l->capacity ? l->capacity : 1)) {
		uint32_t capacity = l->capacity ? l->capacity * 2 : 4;
		struct member *grown = realloc(l->capacity ? l->many : NULL, capacity * sizeof *grown);
		if (!grown) return -1;
		if (!l->capacity) grown[0] = l->one;
		l->many = grown;
		l->capacity = capacity;
	}
	out->label = (uint32_t)(l - table);
	out->at = l->count;
	members(l)[l->count++] = (struct member){fd, nth};
	return 0;
}

/* leave takes the member out. The last one takes its place, and who must know of that is returned; fd -1: nobody. */
static struct member leave(struct place p) {
	struct label *l = &table[p.label];
	struct member *m = members(l), moved = m[--l->count];
	if (p.at == l->count) return (struct member){-1, 0};
	m[p.at] = moved;
	return moved;
}

#endif
