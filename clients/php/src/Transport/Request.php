<?php

declare(strict_types=1);

namespace Scenecast\Transport;

/** A request to the server. */
final class Request
{
    /**
     * @param array<string, string> $headers
     * @param float                 $timeout seconds until there must be an answer
     */
    public function __construct(
        public readonly string $method,
        public readonly string $url,
        public readonly array $headers,
        #[\SensitiveParameter] public readonly string $body,
        public readonly float $timeout,
    ) {
    }
}
