<?php

declare(strict_types=1);

// Composer's autoloader where there is one; otherwise the classes are found as composer.json says.
$composer = __DIR__ . '/../vendor/autoload.php';
if (is_file($composer)) {
    require $composer;
    return;
}
if (is_file('/usr/share/php/Illuminate/autoload.php')) { // Debian's php-laravel-framework
    $before = error_reporting(E_ALL & ~E_DEPRECATED); // it is older than its PHP
    require_once '/usr/share/php/Illuminate/autoload.php';
    require_once '/usr/share/php/Illuminate/Foundation/helpers.php';
    error_reporting($before);
}
spl_autoload_register(static function (string $class): void {
    foreach (['Scenecast\\Tests\\' => __DIR__ . '/', 'Scenecast\\' => __DIR__ . '/../src/'] as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            $file = $folder . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
            if (is_file($file)) {
                require $file;
            }
            return;
        }
    }
});
