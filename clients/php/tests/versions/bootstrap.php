<?php

declare(strict_types=1);

// Whatever PHP has to say of the package, a deprecation too, fails the test. Of libraries that are older than this PHP it is passed over.
set_error_handler(static function (int $level, string $message, string $file, int $line): bool {
    if (!str_starts_with($file, dirname(__DIR__, 2) . '/')) {
        return ($level & (E_DEPRECATED | E_USER_DEPRECATED)) !== 0;
    }
    throw new ErrorException($message, 0, $level, $file, $line);
});
require __DIR__ . '/../bootstrap.php';
