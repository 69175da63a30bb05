<?php

declare(strict_types=1);

namespace Scenecast\Exception;

/** What has answered is no Scenecast server, or one that this package does not understand. */
final class InvalidResponse extends ScenecastException
{
    public function mayBeTriedAgain(): bool
    {
        return false;
    }
}
