<?php

declare(strict_types=1);

namespace Scenecast\Transport;

/** An answer of the server. */
final class Response
{
    /** @param int|null $retryAfter seconds, of the header Retry-After; null: there is none */
    public function __construct(
        public readonly int $status,
        public readonly string $body,
        public readonly ?int $retryAfter = null,
    ) {
    }
}
