// Compare measures Scenecast beside other push servers, in one run, on one machine: a floor in C, which is as little as a
// push server can be, and what people use. README.md says how to run it, what the rows are, and what to make of them.
//
// A run is rounds of visits. A visit starts one server, opens pages at it with the client of bench/load, measures some rows
// and ends the server; each visit is made to all servers before the next one. Every message must come to every page of its
// audience, once and unharmed: a server that makes a mistake gets no figure for that visit, but the mistake in the report.
package main
