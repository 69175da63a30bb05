<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use PHPUnit\Framework\TestCase;
use Scenecast\Scenecast;

/** A test against the real server. */
abstract class ServerTestCase extends TestCase
{
    protected Server $server;
    protected Scenecast $scenecast;
    /** @var list<Page> */
    private array $pages = [];

    protected function setUp(): void
    {
        $this->server = Server::get();
        // The time is long, because the machine may be busy with other tests.
        $this->scenecast = new Scenecast($this->server->url, Server::KEY, timeout: 60);
    }

    protected function tearDown(): void
    {
        foreach ($this->pages as $page) {
            $page->close();
        }
        $this->await(fn (): bool => $this->scenecast->audience('*')->matched === 0);
    }

    /** A page that is connected when this returns. @param array<string, string> $labels */
    protected function page(array $labels, string $token = Server::TOKEN): Page
    {
        $before = $this->scenecast->audience('*')->matched;
        $this->pages[] = $page = $this->server->page($labels, $token);
        $this->await(fn (): bool => $this->scenecast->audience('*')->matched > $before);
        return $page;
    }

    /** Waits until something holds. @param callable(): bool $holds */
    protected function await(callable $holds): void
    {
        for ($until = microtime(true) + 60; !$holds(); usleep(5_000)) {
            if (microtime(true) > $until) {
                $this->fail('it does not come true');
            }
        }
    }
}
