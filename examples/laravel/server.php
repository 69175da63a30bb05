<?php

// For `php -S`: files of public, jQuery where the tutorial's page looks for it, and Laravel.

$path = urldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if ($path !== '/' && is_file(__DIR__ . "/public$path")) {
    return false;
}
if (basename($path) === 'jquery-2.2.3.min.js') { // Debian's package libjs-jquery, in the place of the tutorial's copy
    header('Content-Type: text/javascript');
    readfile('/usr/share/javascript/jquery/jquery.min.js');
    return true;
}
require __DIR__ . '/public/index.php';
