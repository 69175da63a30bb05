<?php

// The framework is Composer's, or Debian's package php-laravel-framework.

$vendor = __DIR__ . '/../vendor/autoload.php';
if (is_file($vendor)) {
    require $vendor;
} else {
    error_reporting(E_ALL & ~E_DEPRECATED); // Debian's Laravel 8 is older than its PHP
    require '/usr/share/php/Illuminate/autoload.php';
    require_once '/usr/share/php/Illuminate/Foundation/helpers.php';
    spl_autoload_register(function (string $class): void {
        foreach (['App\\' => __DIR__ . '/../app/', 'Scenecast\\' => __DIR__ . '/../../../clients/php/src/'] as $prefix => $folder) {
            if (str_starts_with($class, $prefix) && is_file($file = $folder . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php')) {
                require $file;
            }
        }
    });
}

$app = new Illuminate\Foundation\Application(dirname(__DIR__));
$app->useStoragePath(getenv('EXAMPLE_STORAGE') ?: dirname(__DIR__) . '/storage');
foreach (['framework/sessions', 'framework/views', 'cache'] as $folder) {
    is_dir($app->storagePath() . "/$folder") || mkdir($app->storagePath() . "/$folder", 0700, true);
}
foreach (['APP_SERVICES_CACHE' => 'services.php', 'APP_PACKAGES_CACHE' => 'packages.php'] as $name => $file) {
    $_ENV[$name] = $_SERVER[$name] = $app->storagePath() . "/cache/$file";
}
$app->singleton(Illuminate\Contracts\Http\Kernel::class, App\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
$app->booted(function () {
    Illuminate\Support\Facades\Auth::viaRequest('nobody', fn () => null);
    Illuminate\Support\Facades\Route::middleware('web')->group(base_path('routes/web.php'));
    app('router')->getRoutes()->refreshNameLookups();
});
return $app;
