<?php

declare(strict_types=1);

namespace Scenecast;

/** A call that Webhook does not take for one of the server. Answer 401. */
final class InvalidSignature extends \RuntimeException
{
}
