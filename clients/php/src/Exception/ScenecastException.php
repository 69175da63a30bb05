<?php

declare(strict_types=1);

namespace Scenecast\Exception;

/** What every call throws where it fails. */
abstract class ScenecastException extends \RuntimeException
{
    /** Whether the same call may succeed in a moment. A push and a trigger are sent once however often they are tried: they have an id. */
    abstract public function mayBeTriedAgain(): bool;
}
