<?php

declare(strict_types=1);

namespace Scenecast\Exception;

/** The server could not be reached, or has not answered in time. Whether it has done what was asked is not known. */
final class Unreachable extends ScenecastException
{
    public function mayBeTriedAgain(): bool
    {
        return true;
    }
}
