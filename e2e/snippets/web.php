<?php

// The backend of docs/hooks.md and of the PHP package, as `php -S ADDRESS web.php` serves it: BLOCKS is the folder of the blocks. A route of Laravel's
// answers, or a file that is called as a page of its own; what that prints is kept in the file "printed".

use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;

$blocks = getenv('BLOCKS');
if (is_file($file = $blocks . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) . '.php')) {
    ob_start(function (string $printed) use ($blocks) {
        file_put_contents("$blocks/printed", $printed, FILE_APPEND);
        return '';
    });
    require dirname(__DIR__, 2) . '/clients/php/tests/bootstrap.php';
    require $file;
    return;
}
require __DIR__ . '/laravel.php';

/** What the document leaves to its reader. */
final class UserBySession
{
    public static function of(string $cookies): ?object
    {
        return str_contains($cookies, 'session=of-ann') ? (object) ['id' => 42, 'plan' => 'pro'] : null;
    }
}

Route::prefix('api')->group("$blocks/routes.php"); // as Laravel reads routes/api.php
$app->instance('request', Request::capture());
$app['router']->dispatch($app['request'])->send();
