// Package php has the tests of the PHP package (clients/php) run against a real server.
package php
