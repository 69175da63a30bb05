// Package scenes counts the connections in each scene: each combination of values that connections have of up to three label keys. A
// connection without a key is in the scenes without a value of it, and one with several values of a key is in several scenes.
//
// Each part of a node fills a Table, which is bounded. Merge makes Counts of a node's tables, and Counts of several nodes add up. They tell of
// the largest scenes alone, so what they do not know they bound: how many connections each scene may have at most, listed or not.
package scenes

// MaxKeys is of how many keys a scene may be.
const MaxKeys = 3
