<?php

// A Laravel application that has the package and little else, for the PHP and the Blade of a tutorial. Its settings come from the tutorial's .env.

use Illuminate\Config\Repository;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Facade;

error_reporting(E_ALL & ~E_DEPRECATED); // Debian's Laravel is older than its PHP
$folder = getenv('TUTORIAL_FOLDER');
@mkdir("$folder/compiled");
$app = new Application($folder);
$app->instance('config', new Repository([
    'app' => ['providers' => [], 'aliases' => [], 'key' => str_repeat('k', 32), 'cipher' => 'AES-256-CBC'],
    'broadcasting' => ['default' => 'scenecast', 'connections' => ['scenecast' => ['driver' => 'scenecast']]],
    'view' => ['paths' => [$folder], 'compiled' => "$folder/compiled"],
    'scenecast' => ['timeout' => 60.0, 'token_middleware' => []] + require dirname(__DIR__, 4) . '/clients/php/config/scenecast.php',
]));
Facade::setFacadeApplication($app);
$app->instance('request', Request::create('http://app.test/'));
foreach ([
    \Illuminate\Filesystem\FilesystemServiceProvider::class,
    \Illuminate\View\ViewServiceProvider::class,
    \Illuminate\Bus\BusServiceProvider::class,
    \Illuminate\Broadcasting\BroadcastServiceProvider::class,
    \Scenecast\Laravel\ScenecastServiceProvider::class,
] as $provider) {
    $app->register($provider);
}
$app->boot();
