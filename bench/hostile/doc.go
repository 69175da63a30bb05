// Hostile measures what a healthy page notices while others attack its server: it starts a Scenecast server for each scenario, has
// healthy pages ping it by the clock, and reports their round trips with no attack and during it, with the server's memory and CPU.
//
//	go run ./bench/hostile --scenario all --binary bin/scenecast
//
// # How it measures
//
// Three processes share the machine: the server; this program, which does nothing but ping; and the attacker, which this
// program starts as a copy of itself. The attacker yields to the other two (nice 10), because in life it has a machine of its own.
// Eight healthy pages ping 50 times a second each, so that every event loop has one of them. A ping is due by the clock: one that
// is answered late delays the next, and the ones that should have been sent meanwhile are counted with the time that they would have
// waited (coordinated omission).
//
// Resident memory, garbage included, is read when the attack's pages are connected, and a second after it ended while they are
// still there; the peak is that between.
package main
