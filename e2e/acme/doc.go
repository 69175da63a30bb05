// Package acme holds the tests of certificates that the server obtains itself: against pebble, Let's Encrypt's own server for tests.
package acme
