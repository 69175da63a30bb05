// Package powerloss has the tests in which machines lose power, on a file system that forgets what was not synced.
package powerloss
