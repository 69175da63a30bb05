<?php

declare(strict_types=1);

// check.php URL KEY SECRET loads every file of the package, and pushes to a real server, where a page is home, by this PHP's own curl.

use Scenecast\Exception\RequestFailed;
use Scenecast\PageToken;
use Scenecast\Scenecast;

require __DIR__ . '/bootstrap.php';

$expect = static function (mixed $want, mixed $got, string $what): void {
    if ($want !== $got) {
        throw new RuntimeException("$what: " . json_encode($got) . ', want ' . json_encode($want));
    }
};

$root = dirname(__DIR__, 2) . '/src/';
$loaded = 0;
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS)) as $file) {
    $class = 'Scenecast\\' . strtr(substr($file->getPathname(), strlen($root), -strlen('.php')), '/', '\\');
    // The autoloader is called for the first of these; the rest asks what the file has declared.
    $expect(true, class_exists($class) || interface_exists($class) || trait_exists($class) || enum_exists($class), "$class is declared");
    $loaded++;
}
$expect(true, $loaded > 30, 'more than 30 files were found');

[, $url, $key, $secret] = $argv;
$scenecast = new Scenecast($url, $key, timeout: 60);
$token = PageToken::hs256($secret)->user(42)->expiresIn(3600)->sign();
$expect(3, count(explode('.', $token)), 'the parts of a page token');
for ($until = microtime(true) + 60; $scenecast->audience(['page' => 'home'])->matched === 0 && microtime(true) < $until;) {
    usleep(10_000);
}
$result = $scenecast->to(['page' => 'home'])->acked()->push(['message' => '你好 ' . PHP_VERSION]);
$expect([1, 1], [$result->matched, $result->acked], 'a push to one page');
try {
    $scenecast->to('page = "home"')->push('hello');
    throw new RuntimeException('an audience that is none is not refused');
} catch (RequestFailed $e) {
    $expect([400, 'to.column 6'], [$e->status, $e->where], 'a refusal');
}
echo 'PHP ', PHP_VERSION, ": $loaded files are loaded, and a page has what was pushed\n";
