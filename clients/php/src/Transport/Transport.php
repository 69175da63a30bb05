<?php

declare(strict_types=1);

namespace Scenecast\Transport;

use Scenecast\Exception\Unreachable;

/** What sends requests. CurlTransport does; Psr18Transport lends itself to an HTTP client of yours; tests may have their own. */
interface Transport
{
    /** @throws Unreachable where there is no answer. Any answer is returned, whatever its status */
    public function send(Request $request): Response;
}
