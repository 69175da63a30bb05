<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Console;

use Illuminate\Console\Command;
use Scenecast\Exception\ScenecastException;
use Scenecast\Laravel\PageTokens;
use Scenecast\Scenecast;

final class HealthCommand extends Command
{
    protected $signature = 'scenecast:health';

    protected $description = 'Check that the Scenecast server takes pushes, knows the API key, and that page tokens can be made';

    public function handle(PageTokens $tokens): int
    {
        $failed = false;
        $checks = [
            'the server takes pushes' => fn () => $this->laravel->make(Scenecast::class)->checkReady(),
            'it knows the API key' => fn () => $this->laravel->make(Scenecast::class)->to('*')->count(),
            'page tokens can be made' => fn () => $tokens->make(null),
        ];
        foreach ($checks as $what => $check) {
            try {
                $check();
                $this->line("ok      $what");
            } catch (ScenecastException | \RuntimeException | \InvalidArgumentException $e) {
                $failed = true;
                $this->error("failed  $what: " . $e->getMessage());
            }
        }
        return $failed ? self::FAILURE : self::SUCCESS;
    }
}
