// Package e2e holds tests only: the real server, in this process, and the pages that people open, in a real browser
// (Chromium, headless). They cover the demo, the page script on pages of other origins, the tutorial's own script, event
// streams (by the browser's own EventSource, by the npm package eventsource in Node, and through nginx), and the snippets of the documents.
//
// A browser, Node and nginx are a must: without one the tests fail, they are never skipped. Where the environment variable
// SCENECAST_TUTORIAL_TEXT names a file with the tutorial's text, the page script in it is tested as well, as it stands
// there.
package e2e
