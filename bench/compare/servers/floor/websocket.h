/* The WebSocket handshake and frame head (RFC 6455), as far as a server needs them that says and never listens. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <stdint.h>
#include <string.h>

/* sha1 of at most 119 bytes: a key and the GUID are 60. */
static void sha1(const uint8_t *data, size_t len, uint8_t digest[20]) {
	uint8_t block[128] = {0};
	size_t blocks = len + 9 > 64 ? 2 : 1;
	memcpy(block, data, len);
	block[len] = 0x80;
	for (size_t i = 0; i < 4; i++) block[blocks * 64 - 1 - i] = (uint8_t)(len * 8 >> 8 * i);

	uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	for (size_t b = 0; b < blocks; b++) {
		uint32_t w[80];
		for (int i = 0; i < 16; i++) {
			const uint8_t *p = block + 64 * b + 4 * i;
			w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
		}
		for (int i = 16; i < 80; i++) {
			uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
			w[i] = x << 1 | x >> 31;
		}
		uint32_t a = h[0], c1 = h[1], c = h[2], d = h[3], e = h[4];
		for (int i = 0; i < 80; i++) {
			uint32_t f, k;
			if (i < 20) f = (c1 & c) | (~c1 & d), k = 0x5A827999;
			else if (i < 40) f = c1 ^ c ^ d, k = 0x6ED9EBA1;
			else if (i < 60) f = (c1 & c) | (c1 & d) | (c & d), k = 0x8F1BBCDC;
			else f = c1 ^ c ^ d, k = 0xCA62C1D6;
			uint32_t t = (a << 5 | a >> 27) + f + e + k + w[i];
			e = d, d = c, c = c1 << 30 | c1 >> 2, c1 = a, a = t;
		}
		h[0] += a, h[1] += c1, h[2] += c, h[3] += d, h[4] += e;
	}
	for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* accept_of writes the 28 characters of Sec-WebSocket-Accept for a key of 24. */
static void accept_of(const char *key, char out[28]) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t text[60], digest[21] = {0};
	memcpy(text, key, 24);
	memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
	sha1(text, 60, digest);
	for (int i = 0; i < 7; i++) {
		uint32_t v = (uint32_t)digest[3 * i] << 16 | (uint32_t)digest[3 * i + 1] << 8 | digest[3 * i + 2];
		for (int j = 0; j < 4; j++) out[4 * i + j] = letters[v >> (18 - 6 * j) & 63];
	}
	out[27] = '='; /* 20 bytes are 26 2/3 characters */
}

/* text_head writes the head of a text frame, which takes at most 10 bytes, and returns its size. */
static size_t text_head(uint8_t *out, uint64_t len) {
	out[0] = 0x81;
	if (len < 126) {
		out[1] = (uint8_t)len;
		return 2;
	}
	int bytes = len < 65536 ? 2 : 8;
	out[1] = bytes == 2 ? 126 : 127;
	for (int i = 0; i < bytes; i++) out[2 + i] = (uint8_t)(len >> 8 * (bytes - 1 - i));
	return (size_t)bytes + 2;
}

#endif
